// The inner parts of matrix multiplication: packing panels, and the product of two packed blocks.
//
// Packed panels are made of 32-bit words: one float32, or two bf16 neighbours along K where the
// processor multiplies such pairs. A panel of `width` rows (of A) or columns (of B) over k words is
// k rows of `width` words, so that the register tile reads both operands in one straight line.
// Every transpose happens here.
//
// Weights that are packed once for many products keep the numbers as they are: where a word holds
// one bf16, their panels are made of bf16, half as much to read.
//
// Sums: along K an element is one chain of fused multiply-adds within a block of kGemmBlockWords
// words, and the blocks are added in order. That order depends on K alone, never on M, N, the tile
// or the thread.
#pragma once

#include <stdint.h>

#include "kernels/activation_kind.h"

namespace gpte {

// Along K: a 32-column panel is 64 KiB, an L2 block of B 384 KiB.
constexpr int64_t kGemmBlockWords = 512;

// What happens to a finished element c of row m and column n, in this order:
//   c += bias[n]
//   pre[m,n] = c
//   c = activation(c)
//   c *= activation'(pre_read[m,n])
//   c += residual[m,n]
//   out[m,n] = c
// Null pointers skip their step. All matrices share the row length ld.
template <class T>
struct GemmEpilogue {
  T* out = nullptr;
  const float* bias = nullptr;
  T* pre = nullptr;
  const T* pre_read = nullptr;
  const T* residual = nullptr;
  Activation activation = Activation::none;
  int64_t ld = 0;
};

// The row at which panel i of A begins. All get as many rows, give or take one: a last panel of few
// would leave the multipliers waiting.
inline __attribute__((always_inline)) int64_t panel_row(int64_t rows, int64_t panels, int64_t i) {
  const int64_t more = rows % panels;
  return rows / panels * i + (i < more ? i : more);
}

// One packed block: sum[M,N] (+)= A[M,k] B[k,N], then the epilogue after the last block along K.
template <class T>
struct GemmBlock {
  int64_t M, N, k_words;
  const float* a;  // panels of at most tile_rows rows, k_words * tile_rows words apart
  int64_t panels;  // of a; panel_row says which rows of M each has
  // One of them, as panels of tile_columns columns, b_panel words apart: words, or packed weights.
  const float* b = nullptr;
  const T* weights = nullptr;
  int64_t b_panel;
  float* sum;  // float32 partial sums; may be null when first and last
  int64_t ld_sum;
  bool first, last;          // first: sum is not read. last: the epilogue runs, if it has an output
  GemmEpilogue<T> epilogue;  // pointers at this block's first element
};

// The product of one row with whole panels of packed weights, in the same order of sums.
template <class T>
struct GemmRow {
  int64_t N, k_words;
  const float* x;    // words
  const T* weights;  // panels of k_words
  float* sum;        // where the sums go, or null: through the epilogue; both at the first output
  GemmEpilogue<T> epilogue;
};

template <class T>
struct GemmKernels {
  int tile_rows, tile_columns;  // the register tile
  int per_word;                 // elements of K in a packed word
  // Packs `outer` rows or columns over k elements into panels of `width` (tile_rows or
  // tile_columns), padding with zeros. Element (o, k) lies at src[o * stride_outer + k * stride_k];
  // one of the strides is 1.
  void (*pack_rows)(float* panels, const T* src, int64_t stride_outer, int64_t stride_k,
                    int64_t outer, int64_t k);
  void (*pack_columns)(float* panels, const T* src, int64_t stride_outer, int64_t stride_k,
                       int64_t outer, int64_t k);
  // The words of one row, and the panels of weights: packed words, or bf16 as they are.
  void (*pack_row)(float* words, const T* src, int64_t k);
  void (*pack_weights)(T* panels, const T* src, int64_t outer, int64_t k);
  void (*multiply)(const GemmBlock<T>& block);
  void (*multiply_row)(const GemmRow<T>& row);
  // sums[c] += sum_n x[n,c] over N rows of C, in row order, for the columns [begin, end) only.
  void (*sum_rows)(float* sums, const T* x, int64_t N, int64_t C, int64_t begin, int64_t end);
};

}  // namespace gpte
