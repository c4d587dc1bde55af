#include "kernels/qk_norm.h"

#include <math.h>

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

template <class T>
void forward(T* y, float* rstd, const T* x, const float* w, int64_t N, int64_t row, int64_t heads,
             int64_t D, float eps) {
  for (int64_t n = 0; n < N; ++n, x += row, y += row)
    for (int64_t h = 0; h < heads; ++h) {
      const T* x_h = x + h * D;
      Vec sum = {};
      for (int64_t d = 0; d < D; d += kLanes) {
        const Vec v = load_n(x_h + d, D - d);
        sum += v * v;
      }
      const float r = *rstd++ = 1 / sqrtf(reduce_sum(sum) / float(D) + eps);
      for (int64_t d = 0; d < D; d += kLanes)
        store_n(y + h * D + d, load_n(x_h + d, D - d) * r * load_n(w + d, D - d), D - d);
    }
}

template <class T>
void backward(T* dx, float* dw, const T* dy, const T* x, const float* w, const float* rstd,
              int64_t N, int64_t row, int64_t heads, int64_t D) {
  for (int64_t n = 0; n < N; ++n, dx += row, dy += row, x += row)
    for (int64_t h = 0; h < heads; ++h) {
      const T *x_h = x + h * D, *dy_h = dy + h * D;
      const float r = *rstd++;
      Vec sum = {};
      for (int64_t d = 0; d < D; d += kLanes) {
        const int64_t left = D - d;
        const Vec dy_x = load_n(dy_h + d, left) * load_n(x_h + d, left);
        sum += dy_x * load_n(w + d, left);
        store_n(dw + d, load_n(dw + d, left) + dy_x * r, left);
      }
      const float mean = reduce_sum(sum) / float(D) * r * r;
      for (int64_t d = 0; d < D; d += kLanes) {
        const int64_t left = D - d;
        const Vec g = load_n(dy_h + d, left) * load_n(w + d, left);
        store_n(dx + h * D + d, (g - load_n(x_h + d, left) * mean) * r, left);
      }
    }
}

}  // namespace

extern const QkNormKernels<float> qk_norm_f32 = {forward<float>, backward<float>};
extern const QkNormKernels<bf16> qk_norm_bf16 = {forward<bf16>, backward<bf16>};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
