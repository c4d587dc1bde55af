#include "kernels/embedding.h"

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

template <class T>
void gather(T* y, const int32_t* tokens, const int32_t* positions, const T* wte, const T* wpe,
            int64_t N, int64_t C) {
  for (int64_t n = 0; n < N; ++n, y += C) {
    const T* token = wte + tokens[n] * C;
    if (!wpe) {
      memcpy(y, token, size_t(C) * sizeof(T));
      continue;
    }
    const T* position = wpe + positions[n] * C;
    for (int64_t c = 0; c < C; c += kLanes)
      store_n(y + c, load_n(token + c, C - c) + load_n(position + c, C - c), C - c);
  }
}

template <class T>
void scatter_add(float* table, const T* dy, const int32_t* index, int64_t N, int64_t C,
                 int64_t begin, int64_t end) {
  for (int64_t n = 0; n < N; ++n) {
    float* row = table + index[n] * C;
    for (int64_t c = begin; c < end; c += kLanes)
      store_n(row + c, load_n(row + c, end - c) + load_n(dy + n * C + c, end - c), end - c);
  }
}

}  // namespace

extern const EmbeddingKernels<float> embedding_f32 = {gather<float>, scatter_add<float>};
extern const EmbeddingKernels<bf16> embedding_bf16 = {gather<bf16>, scatter_add<bf16>};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
