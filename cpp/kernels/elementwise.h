// One pass over n elements: sums, products with a number, changes of type.
#pragma once

#include <stdint.h>

#include "core/bf16.h"

namespace gpte {

template <class T>
struct ElementwiseKernels {
  void (*add)(T* y, const T* x, int64_t n);      // y += x
  void (*scale)(T* y, float factor, int64_t n);  // y *= factor
  void (*to_f32)(float* y, const T* x, int64_t n);
  void (*to_bf16)(bf16* y, const T* x, int64_t n);
};

}  // namespace gpte
