// Product with a number, in place.
//   y[i] *= factor
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

GPTE_OP(scale, Tensor& y, float factor)

}  // namespace gpte
