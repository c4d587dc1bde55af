// Rotation of pairs of elements; formulas in ops/rope.h.
#pragma once

#include <stdint.h>

namespace gpte {

template <class T>
struct RopeKernels {
  // Rotates the first `heads` heads of N rows of `row` elements, a head being 2 `half`. sign is 1,
  // or -1 for the rotation back.
  void (*rotate)(T* x, const int32_t* positions, const float* cos, const float* sin, int64_t N,
                 int64_t row, int64_t heads, int64_t half, float sign);
};

}  // namespace gpte
