// Matrices of 8 or 4 bits a weight, for decoding. A weight is scale * q, with a float16 scale for
// each 32 weights of a row, as in ggml's Q8_0 and Q4_0; kernels/quantized.h has the layout.
//   8 bits: scale = max |w| / 127            q = round(w / scale), half away from zero
//   4 bits: scale = w* / -8, w* the weight of the largest |w|   q = floor(w / scale + 8.5) - 8, <=
//   7
// (q by the scale before it is rounded to float16.)
//
// linear_forward and linear_logits (ops/linear.h, ops/linear_logprob.h) multiply by such matrices
// as they do by others; their inputs become bytes too, 32 at a time.
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"
#include "kernels/gemm.h"

namespace gpte {

// bits: 8 or 4. The tensor of bytes that holds a matrix w: (O, K).
Shape quantized_shape(const Shape& w, int bits);
// The bits of such a tensor, or 0 for other tensors.
int quantized_bits(const Tensor& w);

// w: (O, K) f32   quantized: quantized_shape(w, bits) u8
GPTE_OP(quantize_weight, Tensor& quantized, const Tensor& w)

// As embedding_forward, with rows of a quantized table.
//   y[n,c] = wte[tokens[n],c] + wpe[positions[n],c]
// y: (N, C)   tokens, positions: (N) i32   wpe: (T, C) of y's type or undefined
GPTE_OP(quantized_embedding_forward, Tensor& y, const Tensor& tokens, const Tensor& positions,
        const Tensor& wte, const Tensor& wpe)

namespace cpu {
// y[m,o] = sum_k x[m,k] w[o,k] for a quantized w of O rows: into `sum` with rows of ld_sum, or,
// where that is null, through the epilogue.
template <class T>
void multiply_quantized(int64_t M, int64_t O, int64_t K, const T* x, const Tensor& w, float* sum,
                        int64_t ld_sum, const GemmEpilogue<T>& epilogue);
}  // namespace cpu

}  // namespace gpte
