// Norms of the heads inside rows; formulas in ops/qk_norm.h.
#pragma once

#include <stdint.h>

namespace gpte {

// `heads` heads of D elements, `row` elements from one row to the next.
template <class T>
struct QkNormKernels {
  void (*forward)(T* y, float* rstd, const T* x, const float* w, int64_t N, int64_t row,
                  int64_t heads, int64_t D, float eps);
  // Writes dx and adds to dw, row by row, head by head.
  void (*backward)(T* dx, float* dw, const T* dy, const T* x, const float* w, const float* rstd,
                   int64_t N, int64_t row, int64_t heads, int64_t D);
};

}  // namespace gpte
