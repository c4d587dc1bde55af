#include "kernels/value_head.h"

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

template <class T>
void forward(float* v, const T* h, const float* w, float b, int64_t N, int64_t C) {
  for (int64_t n = 0; n < N; ++n, h += C) {
    Vec sum = {};
    for (int64_t c = 0; c < C; c += kLanes) sum += load_n(h + c, C - c) * load_n(w + c, C - c);
    v[n] = reduce_sum(sum) + b;
  }
}

template <class T>
void backward_input(T* dh, const float* dv, const float* w, int64_t N, int64_t C) {
  for (int64_t n = 0; n < N; ++n, dh += C)
    for (int64_t c = 0; c < C; c += kLanes)
      store_n(dh + c, load_n(dh + c, C - c) + load_n(w + c, C - c) * dv[n], C - c);
}

template <class T>
void backward_weight(float* dw, const float* dv, const T* h, int64_t N, int64_t C, int64_t begin,
                     int64_t end) {
  for (int64_t c = begin; c < end; c += kLanes) {
    Vec sum = {};
    for (int64_t n = 0; n < N; ++n) sum += load_n(h + n * C + c, end - c) * dv[n];
    store_n(dw + c, load_n(dw + c, end - c) + sum, end - c);
  }
}

}  // namespace

extern const ValueHeadKernels<float> value_head_f32 = {forward<float>, backward_input<float>,
                                                       backward_weight<float>};
extern const ValueHeadKernels<bf16> value_head_bf16 = {forward<bf16>, backward_input<bf16>,
                                                       backward_weight<bf16>};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
