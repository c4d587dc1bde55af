// Layer norm and RMS norm over rows of C elements; formulas in ops/layer_norm.h and ops/rms_norm.h.
#pragma once

#include <stdint.h>

namespace gpte {

template <class T>
struct NormKernels {
  void (*layer_norm_forward)(T* y, float* mean, float* rstd, const T* x, const float* w,
                             const float* b, int64_t N, int64_t C, float eps);
  void (*rms_norm_forward)(T* y, float* rstd, const T* x, const float* w, int64_t N, int64_t C,
                           float eps);
  // Adds to dx. A null mean stands for RMS norm.
  void (*norm_backward_input)(T* dx, const T* dy, const T* x, const float* w, const float* mean,
                              const float* rstd, int64_t N, int64_t C);
  // Adds to dw and db the sums over all N rows, in row order, for the columns [begin, end) only.
  // A null mean stands for RMS norm, a null db for no bias.
  void (*norm_backward_weight)(float* dw, float* db, const T* dy, const T* x, const float* mean,
                               const float* rstd, int64_t N, int64_t C, int64_t begin, int64_t end);
};

}  // namespace gpte
