#include "ops/qk_norm.h"

#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "core/scratch.h"
#include "kernels/kernels.h"
#include "ops/checks.h"

namespace gpte {
namespace {

constexpr int64_t kRows = 64;  // rows a chunk, and of a partial sum of the weights' gradients

void check_qk_norm(const char* op, const Tensor& y, const Tensor& x, const Tensor& w_q,
                   const Tensor& w_k, const Tensor& q_rstd, const Tensor& k_rstd, int64_t heads,
                   int64_t kv_heads) {
  check_rank(op, "x", x, 2);
  check_rank(op, "w_q", w_q, 1);
  check(heads >= 1 && kv_heads >= 1, op, ": heads ", heads, " and kv_heads ", kv_heads,
        " must be positive");
  const int64_t N = x.dim(0), D = w_q.dim(0);
  check_tensor(op, "x", x, Shape{N, (heads + 2 * kv_heads) * D}, x.dtype());
  check_tensor(op, "y", y, x.shape(), x.dtype());
  check_tensor(op, "w_q", w_q, Shape{D}, DType::f32);
  check_tensor(op, "w_k", w_k, Shape{D}, DType::f32);
  check_tensor(op, "q_rstd", q_rstd, Shape{N, heads}, DType::f32);
  check_tensor(op, "k_rstd", k_rstd, Shape{N, kv_heads}, DType::f32);
  check_same_device(op, x, y, w_q, w_k, q_rstd, k_rstd);
}

template <class T>
void copy_values(T* y, const T* x, int64_t N, int64_t row, int64_t begin) {
  for (int64_t n = 0; n < N; ++n)
    std::memcpy(y + n * row + begin, x + n * row + begin, size_t(row - begin) * sizeof(T));
}

}  // namespace

void qk_norm_forward(Tensor& y, Tensor& q_rstd, Tensor& k_rstd, const Tensor& x, const Tensor& w_q,
                     const Tensor& w_k, int64_t heads, int64_t kv_heads, float eps) {
  check_qk_norm("qk_norm_forward", y, x, w_q, w_k, q_rstd, k_rstd, heads, kv_heads);
  check(y.raw() != x.raw(), "qk_norm_forward: y must not be x, which backward needs");
  GPTE_DISPATCH_CPU("qk_norm_forward", x.device(),
                    qk_norm_forward(y, q_rstd, k_rstd, x, w_q, w_k, heads, kv_heads, eps));
}

void qk_norm_backward(Tensor& dx, Tensor& dw_q, Tensor& dw_k, const Tensor& dy, const Tensor& x,
                      const Tensor& w_q, const Tensor& w_k, const Tensor& q_rstd,
                      const Tensor& k_rstd, int64_t heads, int64_t kv_heads) {
  const char* op = "qk_norm_backward";
  check_qk_norm(op, dx, x, w_q, w_k, q_rstd, k_rstd, heads, kv_heads);
  check_tensor(op, "dy", dy, x.shape(), x.dtype());
  check_tensor(op, "dw_q", dw_q, w_q.shape(), DType::f32);
  check_tensor(op, "dw_k", dw_k, w_k.shape(), DType::f32);
  check(dx.raw() != dy.raw(), op, ": dx must not be dy");
  check_same_device(op, x, dy, dw_q, dw_k);
  GPTE_DISPATCH_CPU(
      op, x.device(),
      qk_norm_backward(dx, dw_q, dw_k, dy, x, w_q, w_k, q_rstd, k_rstd, heads, kv_heads));
}

namespace cpu {

void qk_norm_forward(Tensor& y, Tensor& q_rstd, Tensor& k_rstd, const Tensor& x, const Tensor& w_q,
                     const Tensor& w_k, int64_t heads, int64_t kv_heads, float eps) {
  const int64_t D = w_q.dim(0), row = x.dim(1), keys = heads * D, values = keys + kv_heads * D;
  visit_float("qk_norm_forward", x.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().qk_norm.get<T>();
    parallel_for(x.dim(0), kRows, [&](int64_t begin, int64_t end) {
      const int64_t N = end - begin;
      const T* x_n = x.data<T>() + begin * row;
      T* y_n = y.data<T>() + begin * row;
      k.forward(y_n, q_rstd.data<float>() + begin * heads, x_n, w_q.data<float>(), N, row, heads, D,
                eps);
      k.forward(y_n + keys, k_rstd.data<float>() + begin * kv_heads, x_n + keys, w_k.data<float>(),
                N, row, kv_heads, D, eps);
      copy_values(y_n, x_n, N, row, values);
    });
  });
}

void qk_norm_backward(Tensor& dx, Tensor& dw_q, Tensor& dw_k, const Tensor& dy, const Tensor& x,
                      const Tensor& w_q, const Tensor& w_k, const Tensor& q_rstd,
                      const Tensor& k_rstd, int64_t heads, int64_t kv_heads) {
  const int64_t D = w_q.dim(0), row = x.dim(1), keys = heads * D, values = keys + kv_heads * D;
  const int64_t chunks = (x.dim(0) + kRows - 1) / kRows;
  float* partial = scratch<float>(Scratch::reduce, chunks * 2 * D);  // one chunk's sums a row
  std::fill_n(partial, chunks * 2 * D, 0.f);
  visit_float("qk_norm_backward", x.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().qk_norm.get<T>();
    parallel_for(x.dim(0), kRows, [&](int64_t begin, int64_t end) {
      const int64_t N = end - begin;
      float* sums = partial + begin / kRows * 2 * D;
      const T *x_n = x.data<T>() + begin * row, *dy_n = dy.data<T>() + begin * row;
      T* dx_n = dx.data<T>() + begin * row;
      k.backward(dx_n, sums, dy_n, x_n, w_q.data<float>(), q_rstd.data<float>() + begin * heads, N,
                 row, heads, D);
      k.backward(dx_n + keys, sums + D, dy_n + keys, x_n + keys, w_k.data<float>(),
                 k_rstd.data<float>() + begin * kv_heads, N, row, kv_heads, D);
      copy_values(dx_n, dy_n, N, row, values);
    });
  });
  for (int64_t chunk = 0; chunk < chunks; ++chunk)
    for (int64_t d = 0; d < D; ++d) {
      dw_q.data<float>()[d] += partial[chunk * 2 * D + d];
      dw_k.data<float>()[d] += partial[chunk * 2 * D + D + d];
    }
}

}  // namespace cpu
}  // namespace gpte
