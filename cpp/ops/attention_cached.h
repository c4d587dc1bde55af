// Attention of new tokens over keys and values kept from earlier ones.
// The new tokens of sequence b are the rows segments[b] .. segments[b+1]-1 of qkv; they continue
// slot slots[b] at position starts[b].
// qkv: (N, (H+2K) D)   k_cache, v_cache: (S, K, T, D) of qkv's dtype: a head's keys lie end to end,
// because decoding reads them at the speed of memory
// segments: (B+1) i32 from 0 to N, never falling   slots, starts: (B) i32
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

// With n = segments[b] + i, i = 0, 1, ...:
//   k_cache[slots[b], k, starts[b] + i] = key k of qkv[n]      v_cache likewise
GPTE_OP(kv_cache_append, Tensor& k_cache, Tensor& v_cache, const Tensor& qkv,
        const Tensor& segments, const Tensor& slots, const Tensor& starts, int64_t heads,
        int64_t kv_heads)

// Causal attention as in ops/attention.h, with the keys and values of positions
// 0 .. starts[b] + i of the slot; those of the new tokens are already appended.
// y: (N, H D)   slopes: (H) f32, may be undefined
GPTE_OP(attention_cached_forward, Tensor& y, const Tensor& qkv, const Tensor& k_cache,
        const Tensor& v_cache, const Tensor& segments, const Tensor& slots, const Tensor& starts,
        const Tensor& slopes, int64_t heads, int64_t kv_heads, float scale)

}  // namespace gpte
