// What the tiles of attention are made of: matrix products of blocks in cache, reductions in
// registers, and 2^x. Included by the kernels of one instruction set only. Products multiply words
// of 4 bytes (attention_pack.h says what a word W holds) and sum up in float32.
#pragma once

#include "kernels/attention.h"
#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

// Rows and vectors of a block of C in registers: accumulators, one row of B and one element of A.
constexpr int kBlockRows = 6;
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kBlockVecs = 4;
#else
constexpr int kBlockVecs = 2;
#endif

GPTE_INLINE int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}
GPTE_INLINE int64_t most(int64_t a, int64_t b) {
  return a > b ? a : b;
}
GPTE_INLINE int64_t whole_vectors(int64_t n) {
  return (n + kLanes - 1) / kLanes * kLanes;
}

// How a product reads A and what it does with C.
enum class Product {
  write,           // C = A B
  add,             // C += A B
  add_transposed,  // C += A^T B, A stored (K, rows)
};

// kR rows by kV vectors of C. Each element is one chain of multiply-adds in the order of k, so that
// its bits do not depend on the block around it.
template <class W, Product kWay, int kR, int kV>
void multiply_block(float* c, int64_t ldc, const float* a, int64_t lda, const float* b, int64_t ldb,
                    int64_t K) {
  constexpr bool kTransposed = kWay == Product::add_transposed;
  Vec sum[kR][kV];
  for (int r = 0; r < kR; ++r)
    for (int v = 0; v < kV; ++v)
      sum[r][v] = kWay == Product::write ? Vec{} : load(c + r * ldc + v * kLanes);
  for (int64_t k = 0; k < K; ++k) {
    Vec row[kV];
    for (int v = 0; v < kV; ++v) row[v] = load(b + v * kLanes);
    for (int r = 0; r < kR; ++r) {
      const Vec x = splat(kTransposed ? a[r] : a[r * lda]);
      for (int v = 0; v < kV; ++v) sum[r][v] = W::multiply_add(x, row[v], sum[r][v]);
    }
    a += kTransposed ? lda : 1;
    b += ldb;
  }
  for (int r = 0; r < kR; ++r)
    for (int v = 0; v < kV; ++v) store(c + r * ldc + v * kLanes, sum[r][v]);
}

template <class W, Product kWay, int kV>
void multiply_rows(int64_t rows, float* c, int64_t ldc, const float* a, int64_t lda, const float* b,
                   int64_t ldb, int64_t K) {
  const int64_t step = kWay == Product::add_transposed ? 1 : lda;
  for (; rows >= kBlockRows; rows -= kBlockRows, c += kBlockRows * ldc, a += kBlockRows * step)
    multiply_block<W, kWay, kBlockRows, kV>(c, ldc, a, lda, b, ldb, K);
  switch (rows) {
    case 1:
      return multiply_block<W, kWay, 1, kV>(c, ldc, a, lda, b, ldb, K);
    case 2:
      return multiply_block<W, kWay, 2, kV>(c, ldc, a, lda, b, ldb, K);
    case 3:
      return multiply_block<W, kWay, 3, kV>(c, ldc, a, lda, b, ldb, K);
    case 4:
      return multiply_block<W, kWay, 4, kV>(c, ldc, a, lda, b, ldb, K);
    case 5:
      return multiply_block<W, kWay, 5, kV>(c, ldc, a, lda, b, ldb, K);
  }
}

// C (rows, columns) with A (rows, K) and B (K, columns). Columns are whole vectors, K counts words.
template <class W, Product kWay>
void multiply(int64_t rows, int64_t columns, int64_t K, float* c, int64_t ldc, const float* a,
              int64_t lda, const float* b, int64_t ldb) {
  int64_t vecs = columns / kLanes;
  for (; vecs >= kBlockVecs; vecs -= kBlockVecs, c += kBlockVecs * kLanes, b += kBlockVecs * kLanes)
    multiply_rows<W, kWay, kBlockVecs>(rows, c, ldc, a, lda, b, ldb, K);
  if constexpr (kBlockVecs == 4) {
    if (vecs == 3) multiply_rows<W, kWay, 3>(rows, c, ldc, a, lda, b, ldb, K);
    if (vecs == 2) multiply_rows<W, kWay, 2>(rows, c, ldc, a, lda, b, ldb, K);
  }
  if (vecs == 1) multiply_rows<W, kWay, 1>(rows, c, ldc, a, lda, b, ldb, K);
}

GPTE_INLINE Vec lane_index() {
  Vec v;
  for (int i = 0; i < kLanes; ++i) v[i] = float(i);
  return v;
}

// 2^x for x <= 0: 1 at 0, exactly 0 below -127, NaN for NaN. A minimax polynomial of degree 6 on
// [-1/2, 1/2] (relative error 3e-9 before rounding). Rounding by a magic number leaves the
// exponent, already biased, in the low bits: never compile this with -ffast-math.
GPTE_INLINE Vec exp2_of_negative(Vec x) {
  const Vec clamped = vmax(splat(-127.f), x);
  const Vec rounded = clamped + 12583039.f;
  const Vec f = clamped - (rounded - 12583039.f);
  Vec p = splat(1.54614447e-4f);
  p = p * f + 1.34004282e-3f;
  p = p * f + 9.61805668e-3f;
  p = p * f + 5.55032723e-2f;
  p = p * f + 2.40226509e-1f;
  p = p * f + 6.93147207e-1f;
  p = p * f + 1.f;
  return p * (Vec)((IntVec)rounded << 23);
}

}  // namespace
}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
