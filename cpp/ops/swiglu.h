// The gated unit (Shazeer 2020) over rows x[n] = [gate, up].
//   y[n,f] = silu(x[n,f]) * x[n,F+f], silu(z) = z / (1 + e^-z)
// x: (N, 2F)   y: (N, F)
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

GPTE_OP(swiglu_forward, Tensor& y, const Tensor& x)

//   dx[n,f] = dy[n,f] * x[n,F+f] * silu'(x[n,f])      dx[n,F+f] = dy[n,f] * silu(x[n,f])
GPTE_OP(swiglu_backward, Tensor& dx, const Tensor& dy, const Tensor& x)

}  // namespace gpte
