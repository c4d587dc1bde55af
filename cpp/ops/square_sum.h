// Sum of squares: what the norm of all gradients is made of.
//   sum = sum_i x[i]^2, in float64, over fixed blocks in order
// x: any shape
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

GPTE_OP(square_sum, double& sum, const Tensor& x)

inline double square_sum(const Tensor& x) {
  double sum;
  square_sum(sum, x);
  return sum;
}

}  // namespace gpte
