// Nonlinearities, element by element.
//   none       y = x
//   gelu       y = x Phi(x), Phi the standard normal distribution (Hendrycks, Gimpel 2016)
//   gelu_tanh  y = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), the form that GPT-2 uses
//   relu       y = max(x, 0)
//   silu       y = x sigmoid(x) = x / (1 + e^-x)
// x, y, dx, dy: one shape
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"
#include "kernels/activation_kind.h"

namespace gpte {

GPTE_OP(activation_forward, Tensor& y, const Tensor& x, Activation kind)

// dx = dy * activation'(x); relu has slope 0 at 0. dx may be dy.
GPTE_OP(activation_backward, Tensor& dx, const Tensor& dy, const Tensor& x, Activation kind)

}  // namespace gpte
