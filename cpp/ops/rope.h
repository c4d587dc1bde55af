// Rotary positions (Su et al. 2021) on the query and key heads of rows [q heads, k heads, v heads],
// in place, pairing elements i and i + D/2 of a head. With t = positions[n]:
//   a = x[n,i]      b = x[n,i+D/2]
//   x[n,i] = a cos[t,i] - b sin[t,i]      x[n,i+D/2] = b cos[t,i] + a sin[t,i]
// x: (N, (H+2K)D)   positions: (N) i32   cos, sin: (T, D/2) f32, see rope_table
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

GPTE_OP(rope_forward, Tensor& x, const Tensor& positions, const Tensor& cos, const Tensor& sin,
        int64_t heads, int64_t kv_heads)

// The rotation back, by the negative angle: from gradients of the rotated to those of the original.
GPTE_OP(rope_backward, Tensor& dx, const Tensor& positions, const Tensor& cos, const Tensor& sin,
        int64_t heads, int64_t kv_heads)

}  // namespace gpte
