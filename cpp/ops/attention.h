// Attention inside each segment (Vaswani et al. 2017), with shared key heads (Ainslie et al. 2023)
// and linear biases (ALiBi; Press, Smith, Lewis 2022).
// With q, k, v the parts of a row of qkv, head h reading key head h / (H/K), and i, j two tokens
// of one segment at positions p_i and p_j:
//   s[i,h,j] = scale * sum_d q[i,h,d] k[j,h/(H/K),d] - slopes[h] * |p_i - p_j|
//              over all j, or where causal over those with p_j <= p_i, and with a window only
//              where p_i - p_j < window (Beltagy, Peters, Cohan 2020)
//   lse[i,h] = log sum_j exp s[i,h,j]
//   y[i,h]   = sum_j exp(s[i,h,j] - lse[i,h]) v[j,h/(H/K)]
// qkv: (N, (H+2K) D), a row is H query, K key, K value heads   y: (N, H D)
// lse: (N, H) f32, kept for backward, may be undefined         slopes: (H) f32, may be undefined
// segments: (B+1) i32 from 0 to N, never falling   window: 0 for none, else causal is true
// A float32 row has the same bits whatever else is in the batch, and as attention_cached_forward.
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

GPTE_OP(attention_forward, Tensor& y, Tensor& lse, const Tensor& qkv, const Tensor& segments,
        const Tensor& slopes, int64_t heads, int64_t kv_heads, float scale, bool causal,
        int64_t window)

// With p[i,h,j] = exp(s[i,h,j] - lse[i,h]), delta[i,h] = sum_d dy[i,h,d] y[i,h,d] and
// ds[i,h,j] = p[i,h,j] (sum_d dy[i,h,d] v[j,h/(H/K),d] - delta[i,h]), written and not added:
//   dq[i,h] = scale * sum_j ds[i,h,j] k[j,h/(H/K)]
//   dk[j,g] = scale * sum_{i, h of g} ds[i,h,j] q[i,h]     dv[j,g] = sum_{i, h of g} p[i,h,j]
//   dy[i,h]
// dqkv: (N, (H+2K) D), its rows laid out as those of qkv
// A segment's key head is one piece of work, because its dk and dv are sums in one order: no more
// than B K threads are busy, and the longest segment sets the time. A piece keeps dq of its segment
// in float32: each thread's scratch grows with the longest segment, by 4 (D + 2) H/K bytes a token,
// D rounded up to a multiple of 16. Forward is cut into runs of rows, in scratch of a fixed size.
GPTE_OP(attention_backward, Tensor& dqkv, const Tensor& dy, const Tensor& qkv, const Tensor& y,
        const Tensor& lse, const Tensor& segments, const Tensor& slopes, int64_t heads,
        int64_t kv_heads, float scale, bool causal, int64_t window)

}  // namespace gpte
