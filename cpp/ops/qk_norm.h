// Root-mean-square norm of every query head and every key head (Henry et al. 2020, in the form of
// Qwen3) in rows [q heads, k heads, v heads]; value heads pass unchanged. For query head h:
//   q_rstd[n,h] = 1 / sqrt(mean_d x[n,hD+d]^2 + eps)
//   y[n,hD+d]   = x[n,hD+d] * q_rstd[n,h] * w_q[d]
// and likewise for the key heads with k_rstd and w_k.
// x, y: (N, (H+2K)D)   w_q, w_k: (D) f32   q_rstd: (N, H), k_rstd: (N, K) f32, kept for backward
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

GPTE_OP(qk_norm_forward, Tensor& y, Tensor& q_rstd, Tensor& k_rstd, const Tensor& x,
        const Tensor& w_q, const Tensor& w_k, int64_t heads, int64_t kv_heads, float eps)

// With r = q_rstd[n,h] and g[d] = dy[n,hD+d] * w_q[d] in query head h, and likewise for keys:
//   dx[n,hD+d] = r * g[d] - r^3 / D * x[n,hD+d] * sum_e g[e] * x[n,hD+e]      value heads: dx = dy
//   dw_q[d]   += sum over n and h of dy[n,hD+d] * x[n,hD+d] * r
// dw_q, dw_k: (D) f32; added over blocks of rows in order
GPTE_OP(qk_norm_backward, Tensor& dx, Tensor& dw_q, Tensor& dw_k, const Tensor& dy, const Tensor& x,
        const Tensor& w_q, const Tensor& w_k, const Tensor& q_rstd, const Tensor& k_rstd,
        int64_t heads, int64_t kv_heads)

}  // namespace gpte
