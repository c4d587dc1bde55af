// Log-probability of each target under softmax(h w^T), without ever storing all logits: rows are
// processed in chunks whose logits fit kLogitBytes.
//   z[n,v]  = sum_c h[n,c] * w[v,c]            lse[n] = log sum_v exp(z[n,v])
//   logp[n] = z[n, targets[n]] - lse[n]        0 where targets[n] < 0
// h: (N, C)   w: (V, C)   targets: (N) i32, below V   logp, lse: (N) f32, lse is kept for backward
// V is said where w may have any layout of linear_forward's: a quantized one has more rows.
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

constexpr int64_t kLogitBytes = int64_t(48) << 20;

GPTE_OP(linear_logprob_forward, Tensor& logp, Tensor& lse, const Tensor& h, const Tensor& w,
        const Tensor& targets, int64_t V)

// With dz[n,v] = dlogp[n] * ((v == targets[n]) - exp(z[n,v] - lse[n])), the logits computed once
// more:
//   dh[n,c] = sum_v dz[n,v] * w[v,c]           dw[v,c] += sum_n dz[n,v] * h[n,c]
// dlogp: (N) f32   dw: (V, C) f32
GPTE_OP(linear_logprob_backward, Tensor& dh, Tensor& dw, const Tensor& dlogp, const Tensor& h,
        const Tensor& w, const Tensor& targets, const Tensor& lse)

// Both at once, for losses whose dlogp is known beforehand (pretraining, fine-tuning): a third of
// the work of the pair is saved because the logits are computed once. The same bits as the pair.
GPTE_OP(linear_logprob_forward_backward, Tensor& logp, Tensor& lse, Tensor& dh, Tensor& dw,
        const Tensor& dlogp, const Tensor& h, const Tensor& w, const Tensor& targets)

// The logits of chosen rows, as logp above sees them.
//   logits[r,v] = z[rows[r],v]
// logits: (R, V) f32   rows: (R) i32   w as in linear_forward
GPTE_OP(linear_logits, Tensor& logits, const Tensor& h, const Tensor& w, const Tensor& rows)

}  // namespace gpte
