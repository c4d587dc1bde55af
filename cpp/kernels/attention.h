// Attention of a few queries over the keys of their segment, walked in tiles that stay in cache;
// formulas in ops/attention.h.
#pragma once

#include <stdint.h>

namespace gpte {

constexpr int64_t kAttentionTile = 64;   // keys a tile, counted from the segment's first key
constexpr int64_t kAttentionRows = 256;  // rows (query, head) a task at most
constexpr int64_t kAttentionMaxDim = 256;

// Consecutive queries of one segment, for query heads that read one key head. Its rows are the
// pairs (query, head), head fastest. Strides are elements from one token to the next.
template <class T>
struct AttentionTask {
  T* y;                   // first query, first head
  float* lse;             // likewise; null when nobody wants it
  const T* q;             // likewise
  const T *k, *v;         // the segment's first key, this key head; with blocks, that of block 0
  const int32_t* blocks;  // tile i of keys lies in block blocks[i]; null where they lie end to end.
                          // A block of k is turned: see turn_key
  int64_t block_stride;   // elements from one block to the next
  // Of a cache of another type, in place of k and v: a tile lies in block_stride bytes a block, and
  // is widened (kernels/cache_rows.h) into rows of D elements.
  void (*widen)(T* to, const void* from, int64_t rows, int64_t D);  // null where k and v are there
  const char *kept_k, *kept_v;
  const float* slopes;  // first head; null without ALiBi
  int64_t y_stride, lse_stride, q_stride, kv_stride;
  int64_t queries, first;  // how many, and the position of the first in its segment
  int64_t keys;            // of the segment
  int64_t heads, D;
  float scale;
  bool causal;
  int64_t window;  // causal only: keys a query sees, itself one of them; 0 for all
};

// The gradient of one segment, for one key head and the query heads that read it. Pointers are to
// the segment's first token and the first such head.
template <class T>
struct AttentionBackwardTask {
  T *dq, *dk, *dv;
  const T *dy, *q, *k, *v, *y;
  const float *lse, *slopes;  // slopes null without ALiBi
  int64_t qkv_stride, y_stride, lse_stride;
  int64_t tokens, heads, D;
  float scale;
  bool causal;
  int64_t window;
};

template <class T>
struct AttentionKernels {
  // Puts a key of D elements at its position into a block of a cache, turned as `forward` reads it.
  void (*turn_key)(T* block, const T* key, int64_t position, int64_t D);
  void (*forward)(const AttentionTask<T>& task, float* scratch);
  void (*backward)(const AttentionBackwardTask<T>& task, float* scratch);
};

// Floats of scratch (64-byte aligned) that a task needs.
inline __attribute__((always_inline)) int64_t attention_forward_scratch(int64_t D) {
  const int64_t width = (D + 15) / 16 * 16;
  return kAttentionTile * (4 * width + kAttentionTile) + kAttentionRows * (2 * width + 16 + 1) + 64;
}
inline __attribute__((always_inline)) int64_t attention_backward_scratch(int64_t rows, int64_t D) {
  const int64_t width = (D + 15) / 16 * 16;
  return kAttentionTile * (9 * width + 3 * kAttentionTile) + rows * (width + 2);
}

}  // namespace gpte
