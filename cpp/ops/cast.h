// The same numbers in another type.
//   y[i] = x[i], rounded to nearest, ties to even, where y is narrower
// y, x: one shape; float32 or bfloat16 each
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

GPTE_OP(cast_forward, Tensor& y, const Tensor& x)

}  // namespace gpte
