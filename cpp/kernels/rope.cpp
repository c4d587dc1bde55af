#include "kernels/rope.h"

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

template <class T>
void rotate(T* x, const int32_t* positions, const float* cos, const float* sin, int64_t N,
            int64_t row, int64_t heads, int64_t half, float sign) {
  for (int64_t n = 0; n < N; ++n, x += row) {
    const float *cos_n = cos + positions[n] * half, *sin_n = sin + positions[n] * half;
    for (int64_t h = 0; h < heads; ++h) {
      T *low = x + h * 2 * half, *high = low + half;
      for (int64_t i = 0; i < half; i += kLanes) {
        const int64_t left = half - i;
        const Vec c = load_n(cos_n + i, left), s = load_n(sin_n + i, left) * sign;
        const Vec a = load_n(low + i, left), b = load_n(high + i, left);
        store_n(low + i, a * c - b * s, left);
        store_n(high + i, b * c + a * s, left);
      }
    }
  }
}

}  // namespace

extern const RopeKernels<float> rope_f32 = {rotate<float>};
extern const RopeKernels<bf16> rope_bf16 = {rotate<bf16>};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
