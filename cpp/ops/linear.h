// Linear layer with everything that follows it fused into the store of each element.
//   pre[n,o] = sum_k x[n,k] * w[o,k] + b[o]
//   y[n,o]   = activation(pre[n,o]) + residual[n,o]
// x: (N, K)   w: (O, K)   b: (O) f32   y, pre, residual: (N, O)
// pre is written when defined (backward needs it under an activation); b and residual may be
// undefined. activation: none gelu gelu_tanh relu silu
// w may also be packed by pack_weight, or quantized (ops/quantized.h).
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"
#include "kernels/activation_kind.h"
#include "ops/gemm.h"

namespace gpte {

GPTE_OP(linear_forward, Tensor& y, Tensor& pre, const Tensor& x, const Tensor& w, const Tensor& b,
        const Tensor& residual, Activation activation)

// The panels in which products read a matrix, laid out once for many products of few rows.
// w: (O, K)   packed: packed_shape(w), of w's type
GPTE_OP(pack_weight, Tensor& packed, const Tensor& w)
Shape packed_shape(const Shape& w, DType dtype);
// w as operators that read it in any of its layouts take it: plain, packed or quantized.
void check_weight(const char* op, const Tensor& w, const Shape& shape, DType dtype);

namespace cpu {
// x w^T for w in any layout, where M rows of x and O outputs are known to fit: into sum, or, where
// it has no data, through the epilogue.
template <class T>
void multiply_weight(int64_t M, int64_t O, int64_t K, const T* x, const Tensor& w, GemmSum sum,
                     const GemmEpilogue<T>& epilogue);
}  // namespace cpu

// dx[n,k] = (sum_o dy[n,o] * w[o,k]) * activation'(pre[n,k])
// pre: (N, K), what the activation that made x was applied to; undefined for no activation before
// this layer
GPTE_OP(linear_backward_input, Tensor& dx, const Tensor& dy, const Tensor& w, const Tensor& pre,
        Activation activation)

// dw[o,k] += sum_n dy[n,o] * x[n,k]        db[o] += sum_n dy[n,o], in row order
// dw: (O, K) f32   db: (O) f32, may be undefined
GPTE_OP(linear_backward_weight, Tensor& dw, Tensor& db, const Tensor& dy, const Tensor& x)

}  // namespace gpte
