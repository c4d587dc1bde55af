// Layer norm over the last axis (Ba, Kiros, Hinton 2016).
//   mean[n] = mean_c x[n,c]      rstd[n] = 1 / sqrt(mean_c (x[n,c] - mean[n])^2 + eps)
//   y[n,c]  = (x[n,c] - mean[n]) * rstd[n] * w[c] + b[c]
// x, y: (N, C)   w, b: (C) f32, b may be undefined   mean, rstd: (N) f32, kept for backward
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

GPTE_OP(layer_norm_forward, Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const Tensor& w,
        const Tensor& b, float eps)

// With xhat = (x - mean) * rstd and g[n,c] = dy[n,c] * w[c]:
//   dx[n,c] += rstd[n] * (g[n,c] - mean_k g[n,k] - xhat[n,c] * mean_k g[n,k] xhat[n,k])
//   dw[c]   += sum_n dy[n,c] * xhat[n,c]        db[c] += sum_n dy[n,c]
// dw, db: (C) f32; db undefined when there is no bias
GPTE_OP(layer_norm_backward, Tensor& dx, Tensor& dw, Tensor& db, const Tensor& dy, const Tensor& x,
        const Tensor& w, const Tensor& mean, const Tensor& rstd)

}  // namespace gpte
