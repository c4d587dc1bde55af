// Rows times one vector; formulas in ops/value_head.h.
#pragma once

#include <stdint.h>

namespace gpte {

template <class T>
struct ValueHeadKernels {
  void (*forward)(float* v, const T* h, const float* w, float b, int64_t N, int64_t C);
  void (*backward_input)(T* dh, const float* dv, const float* w, int64_t N, int64_t C);
  // Adds to dw the sums over all N rows, in row order, for the columns [begin, end) only.
  void (*backward_weight)(float* dw, const float* dv, const T* h, int64_t N, int64_t C,
                          int64_t begin, int64_t end);
};

}  // namespace gpte
