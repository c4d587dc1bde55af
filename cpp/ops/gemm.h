// C = op(A) op(B) on the CPU: cuts the product into blocks that fit the caches and shares them out.
#pragma once

#include <cstdint>

#include "kernels/gemm.h"

namespace gpte::cpu {

// A matrix operand: element (row, k) lies at data[row * stride_row + k * stride_k]; one stride
// is 1.
template <class T>
struct Operand {
  const T* data;
  int64_t stride_row, stride_k;
  bool packed = false;  // data are panels as pack_weight leaves them (second operand only)
};

// A float32 matrix with rows of ld that the product overwrites, or is added to.
struct GemmSum {
  float* data = nullptr;
  int64_t ld = 0;
  bool add = false;
};

// sum[m,n] (+)= sum_k a(m,k) b(n,k), for m < M, n < N, k < K
template <class T>
void gemm(int64_t M, int64_t N, int64_t K, Operand<T> a, Operand<T> b, GemmSum sum);
// The same product through the epilogue of kernels/gemm.h.
template <class T>
void gemm(int64_t M, int64_t N, int64_t K, Operand<T> a, Operand<T> b,
          const GemmEpilogue<T>& epilogue);

}  // namespace gpte::cpu
