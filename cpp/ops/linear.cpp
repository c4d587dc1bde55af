#include "ops/linear.h"

#include <algorithm>

#include "core/parallel.h"
#include "kernels/kernels.h"
#include "ops/checks.h"
#include "ops/gemm.h"
#include "ops/quantized.h"

namespace gpte {

void linear_forward(Tensor& y, Tensor& pre, const Tensor& x, const Tensor& w, const Tensor& b,
                    const Tensor& residual, Activation activation) {
  const char* op = "linear_forward";
  check_matrix(op, "x", x);
  check_rank(op, "y", y, 2);
  check(activation != Activation::swiglu, op, ": activation swiglu has an operator of its own");
  const int64_t N = x.dim(0), O = y.dim(-1);
  const Shape shape{O, x.dim(1)};
  check_weight(op, w, shape, x.dtype());
  check_tensor(op, "y", y, {N, O}, x.dtype());
  check_optional(op, "pre", pre, {N, O}, x.dtype());
  check_optional(op, "residual", residual, {N, O}, x.dtype());
  check_optional(op, "b", b, {O}, DType::f32);
  check_same_device(op, x, y, pre, w, b, residual);
  GPTE_DISPATCH_CPU(op, x.device(), linear_forward(y, pre, x, w, b, residual, activation));
}

void linear_backward_input(Tensor& dx, const Tensor& dy, const Tensor& w, const Tensor& pre,
                           Activation activation) {
  const char* op = "linear_backward_input";
  check_matrix(op, "dy", dy);
  check_matrix(op, "w", w);
  check(activation != Activation::swiglu, op, ": activation swiglu has an operator of its own");
  check_tensor(op, "w", w, {dy.dim(1), w.dim(1)}, dy.dtype());
  check_tensor(op, "dx", dx, {dy.dim(0), w.dim(1)}, dy.dtype());
  check_optional(op, "pre", pre, {dy.dim(0), w.dim(1)}, dy.dtype());
  check_same_device(op, dy, dx, w, pre);
  GPTE_DISPATCH_CPU(op, dy.device(), linear_backward_input(dx, dy, w, pre, activation));
}

void linear_backward_weight(Tensor& dw, Tensor& db, const Tensor& dy, const Tensor& x) {
  const char* op = "linear_backward_weight";
  check_matrix(op, "dy", dy);
  check_matrix(op, "x", x);
  check_tensor(op, "x", x, {dy.dim(0), x.dim(1)}, dy.dtype());
  check_tensor(op, "dw", dw, {dy.dim(1), x.dim(1)}, DType::f32);
  check_optional(op, "db", db, {dy.dim(1)}, DType::f32);
  check_same_device(op, dy, dw, db, x);
  GPTE_DISPATCH_CPU(op, dy.device(), linear_backward_weight(dw, db, dy, x));
}

void pack_weight(Tensor& packed, const Tensor& w) {
  const char* op = "pack_weight";
  check_matrix(op, "w", w);
  check_tensor(op, "packed", packed, packed_shape(w.shape(), w.dtype()), w.dtype());
  check_same_device(op, w, packed);
  GPTE_DISPATCH_CPU(op, w.device(), pack_weight(packed, w));
}

void check_weight(const char* op, const Tensor& w, const Shape& shape, DType dtype) {
  check(w.defined(), op, ": w is required");
  if (const int bits = quantized_bits(w))
    return check_tensor(op, "w", w, quantized_shape(shape, bits), DType::u8);
  check_tensor(op, "w", w, w.shape().rank() == 3 ? packed_shape(shape, dtype) : shape, dtype);
}

Shape packed_shape(const Shape& w, DType dtype) {
  check(w.rank() == 2, "pack_weight: w ", w, " must be a matrix");
  Shape shape;
  visit_float("pack_weight", dtype, [&](auto type) {
    const auto& kernel = kernels().gemm.get<typename decltype(type)::type>();
    const int64_t panels = (w[0] + kernel.tile_columns - 1) / kernel.tile_columns;
    const int64_t words = (w[1] + kernel.per_word - 1) / kernel.per_word;
    shape = Shape{panels, words, int64_t(kernel.tile_columns) * kernel.per_word};
  });
  return shape;
}

namespace cpu {

void pack_weight(Tensor& packed, const Tensor& w) {
  const int64_t O = w.dim(0), K = w.dim(1);
  visit_float("pack_weight", w.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& kernel = kernels().gemm.get<T>();
    const int64_t panel = packed.numel() / packed.dim(0);
    parallel_for(packed.dim(0), 4, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * kernel.tile_columns;
      kernel.pack_weights(packed.data<T>() + begin * panel, w.data<T>() + first * K,
                          std::min(end * kernel.tile_columns, O) - first, K);
    });
  });
}

template <class T>
void multiply_weight(int64_t M, int64_t O, int64_t K, const T* x, const Tensor& w, GemmSum sum,
                     const GemmEpilogue<T>& epilogue) {
  if (quantized_bits(w)) return multiply_quantized<T>(M, O, K, x, w, sum.data, sum.ld, epilogue);
  const Operand<T> a{x, K, 1}, b{w.data<T>(), K, 1, w.shape().rank() == 3};
  if (sum.data)
    gemm<T>(M, O, K, a, b, sum);
  else
    gemm<T>(M, O, K, a, b, epilogue);
}

template void multiply_weight<float>(int64_t, int64_t, int64_t, const float*, const Tensor&,
                                     GemmSum, const GemmEpilogue<float>&);
template void multiply_weight<bf16>(int64_t, int64_t, int64_t, const bf16*, const Tensor&, GemmSum,
                                    const GemmEpilogue<bf16>&);

void linear_forward(Tensor& y, Tensor& pre, const Tensor& x, const Tensor& w, const Tensor& b,
                    const Tensor& residual, Activation activation) {
  const int64_t N = x.dim(0), K = x.dim(1), O = y.dim(1);
  visit_float("linear_forward", x.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    GemmEpilogue<T> epilogue;
    epilogue.out = y.data<T>();
    if (b.defined()) epilogue.bias = b.data<float>();
    if (pre.defined()) epilogue.pre = pre.data<T>();
    if (residual.defined()) epilogue.residual = residual.data<T>();
    epilogue.activation = activation;
    epilogue.ld = O;
    multiply_weight<T>(N, O, K, x.data<T>(), w, {}, epilogue);
  });
}

void linear_backward_input(Tensor& dx, const Tensor& dy, const Tensor& w, const Tensor& pre,
                           Activation activation) {
  const int64_t N = dy.dim(0), O = dy.dim(1), K = w.dim(1);
  visit_float("linear_backward_input", dy.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    GemmEpilogue<T> epilogue;
    epilogue.out = dx.data<T>();
    if (pre.defined()) epilogue.pre_read = pre.data<T>();
    epilogue.activation = activation;
    epilogue.ld = K;
    gemm<T>(N, K, O, {dy.data<T>(), O, 1}, {w.data<T>(), 1, K}, epilogue);
  });
}

void linear_backward_weight(Tensor& dw, Tensor& db, const Tensor& dy, const Tensor& x) {
  const int64_t N = dy.dim(0), O = dy.dim(1), K = x.dim(1);
  visit_float("linear_backward_weight", dy.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    gemm<T>(O, K, N, {dy.data<T>(), 1, O}, {x.data<T>(), 1, K}, {dw.data<float>(), K, true});
    if (!db.defined()) return;
    constexpr int64_t kStrip = 64;
    parallel_for(O, kStrip, [&](int64_t begin, int64_t end) {
      kernels().gemm.get<T>().sum_rows(db.data<float>(), dy.data<T>(), N, O, begin, end);
    });
  });
}

}  // namespace cpu
}  // namespace gpte
