// Products with matrices of 8 or 4 bits a weight, for decoding: the weights are read once, in the
// order in which they lie, and multiplied as bytes.
//
// A matrix (O, K) lies in units of 16 rows by 64 of K, along K first, padded with zeros:
//   64 bytes   float16 scales: of the 16 rows for the first 32 of K, then for the second 32
//   8 bits     16 vectors of 64 bytes; vector j holds rows by k = 4j .. 4j+3, each q + 128
//   4 bits     8 vectors; vector 4h + j holds rows by i = 0..3, low half k = 32h + 4j + i, high
//              half k = 32h + 16 + 4j + i, each q + 8
// so that a weight is scale * q, as in ggml's Q8_0 and Q4_0. Inputs x become bytes too, 32 at a
// time: q = round(x / scale) with scale = max |x| / 127.
//   y[m,o] = sum over groups of 32 of (scale_w scale_x) * (sum of q_w q_x over the group)
// Groups are added in order, so a row has the same bits whatever else is multiplied with it.
#pragma once

#include <stdint.h>

#include "kernels/gemm.h"

namespace gpte {

constexpr int64_t kQuantRows = 16, kQuantColumns = 64, kQuantGroup = 32;

// Bytes of a unit.
inline __attribute__((always_inline)) int64_t quant_unit(int bits) {
  return 64 + kQuantRows * kQuantColumns * bits / 8;
}

// What is added to a weight so that it has no sign.
inline __attribute__((always_inline)) int32_t quant_offset(int bits) {
  return 1 << (bits - 1);
}

// What a group of 32 inputs has beside its bytes.
struct QuantGroup {
  float scale;
  int32_t offset;  // the sum of its bytes times that of the weights: what products have too much
};

template <class T>
struct QuantProduct {
  int bits;
  int64_t M, groups, units;    // rows of x; groups of 16 rows of w; units along K
  const uint8_t* w;            // the first unit
  const int8_t* x;             // (M, 64 units)
  const QuantGroup* x_groups;  // (M, 2 units)
  int64_t columns;             // outputs: the last group may have fewer than 16
  // Where the sums go: into `sum`, or, where that is null, through the epilogue. Both point at the
  // first output.
  float* sum;
  int64_t ld_sum;
  GemmEpilogue<T> epilogue;
};

template <class T>
struct QuantizedKernels {
  // bytes: (M, 64 units), groups: (M, 2 units) of the rows x: (M, K), padded with zeros; offset:
  // that of the weights that they are multiplied with.
  void (*quantize_inputs)(int8_t* bytes, QuantGroup* groups, const T* x, int64_t M, int64_t K,
                          int32_t offset);
  void (*multiply)(const QuantProduct<T>& product);
};

}  // namespace gpte
