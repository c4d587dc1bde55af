// Root-mean-square norm over the last axis (Zhang, Sennrich 2019).
//   rstd[n] = 1 / sqrt(mean_c x[n,c]^2 + eps)
//   y[n,c]  = x[n,c] * rstd[n] * w[c]
// x, y: (N, C)   w: (C) f32   rstd: (N) f32, kept for backward
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

GPTE_OP(rms_norm_forward, Tensor& y, Tensor& rstd, const Tensor& x, const Tensor& w, float eps)

// With g[c] = dy[n,c] * w[c]:
//   dx[n,c] += rstd[n] * g[c] - rstd[n]^3 / C * x[n,c] * sum_k g[k] * x[n,k]
//   dw[c]   += sum_n dy[n,c] * x[n,c] * rstd[n]
GPTE_OP(rms_norm_backward, Tensor& dx, Tensor& dw, const Tensor& dy, const Tensor& x,
        const Tensor& w, const Tensor& rstd)

}  // namespace gpte
