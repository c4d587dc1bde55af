// Sum in place.
//   y[i] += x[i]
// y, x: one shape and dtype
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

GPTE_OP(add, Tensor& y, const Tensor& x)

}  // namespace gpte
