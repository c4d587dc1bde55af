#include "kernels/embedding.h"

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

template <class T>
void gather(T* y, const int32_t* tokens, const int32_t* positions, const int32_t* types,
            const T* wte, const T* wpe, const T* wtt, int64_t N, int64_t C) {
  for (int64_t n = 0; n < N; ++n, y += C) {
    const T* token = wte + tokens[n] * C;
    const T* position = wpe ? wpe + positions[n] * C : nullptr;
    const T* type = wtt ? wtt + types[n] * C : nullptr;
    if (!position && !type) {
      memcpy(y, token, size_t(C) * sizeof(T));
      continue;
    }
    for (int64_t c = 0; c < C; c += kLanes) {
      auto sum = load_n(token + c, C - c);
      if (type) sum += load_n(type + c, C - c);
      if (position) sum += load_n(position + c, C - c);
      store_n(y + c, sum, C - c);
    }
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
