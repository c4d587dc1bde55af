// Attention of new tokens over keys and values kept from earlier ones.
// Keys and values lie in blocks of kCacheBlock positions, so that sequences which begin alike can
// share them (Kwon et al. 2023): position t of sequence b is row t % kCacheBlock of the block
// tables[b, t / kCacheBlock]. The new tokens of sequence b are the rows
// segments[b] .. segments[b+1]-1 of qkv, and stand at the positions from starts[b] on.
// qkv: (N, (H+2K) D)   k_cache, v_cache: (blocks, K, kCacheBlock, kept_row(D)): a head's keys in a
// block lie together, because decoding reads them at the speed of memory. They are of qkv's dtype,
// and the keys turned (kernels/attention_pack.h); or in rows of another one, float32, bfloat16, or
// uint8 for q8 (kernels/cache_rows.h): then attention sees what rounding left, of the new tokens
// too, so that it does not matter which of them are new.
// segments: (B+1) i32 from 0 to N, never falling   tables: (B, T) i32   starts: (B) i32
// Entries of a table that no position needs may be anything.
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"
#include "kernels/attention.h"

namespace gpte {

constexpr int64_t kCacheBlock = kAttentionTile;  // so that a tile of keys lies in one block

// Elements of a kept key or value of D elements.
int64_t kept_row(DType kept, int64_t D);

// With n = segments[b] + i, i = 0, 1, ...:
//   position starts[b] + i of k_cache, head k = key k of qkv[n]      v_cache likewise
// No two new tokens may have the same row of the same block.
GPTE_OP(kv_cache_append, Tensor& k_cache, Tensor& v_cache, const Tensor& qkv,
        const Tensor& segments, const Tensor& tables, const Tensor& starts, int64_t heads,
        int64_t kv_heads)

// Causal attention as in ops/attention.h, with the keys and values of positions
// 0 .. starts[b] + i of the sequence; those of the new tokens are already appended.
// y: (N, H D)   slopes: (H) f32, may be undefined
GPTE_OP(attention_cached_forward, Tensor& y, const Tensor& qkv, const Tensor& k_cache,
        const Tensor& v_cache, const Tensor& segments, const Tensor& tables, const Tensor& starts,
        const Tensor& slopes, int64_t heads, int64_t kv_heads, float scale, int64_t window)

}  // namespace gpte
