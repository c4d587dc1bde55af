// One number a token: the head of a value or a reward model.
//   v[n] = sum_c h[n,c] * w[c] + b
// v: (N) f32   h: (N, C)   w: (C) f32   b: (1) f32
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

GPTE_OP(value_head_forward, Tensor& v, const Tensor& h, const Tensor& w, const Tensor& b)

// dh[n,c] += dv[n] * w[c]      dw[c] += sum_n dv[n] * h[n,c]      db += sum_n dv[n], in row order
GPTE_OP(value_head_backward, Tensor& dh, Tensor& dw, Tensor& db, const Tensor& dv, const Tensor& h,
        const Tensor& w)

}  // namespace gpte
