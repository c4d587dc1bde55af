#include "ops/value_head.h"

#include "core/parallel.h"
#include "kernels/kernels.h"
#include "ops/checks.h"

namespace gpte {
namespace {

constexpr int64_t kRows = 32;     // rows a chunk
constexpr int64_t kColumns = 64;  // columns a chunk of the weight gradient

void check_value_head(const char* op, const Tensor& v, const Tensor& h, const Tensor& w,
                      const Tensor& b) {
  check_rank(op, "h", h, 2);
  check_tensor(op, "v", v, Shape{h.dim(0)}, DType::f32);
  check_tensor(op, "w", w, Shape{h.dim(1)}, DType::f32);
  check_tensor(op, "b", b, Shape{1}, DType::f32);
  check_same_device(op, h, v, w, b);
}

}  // namespace

void value_head_forward(Tensor& v, const Tensor& h, const Tensor& w, const Tensor& b) {
  check_value_head("value_head_forward", v, h, w, b);
  GPTE_DISPATCH_CPU("value_head_forward", h.device(), value_head_forward(v, h, w, b));
}

void value_head_backward(Tensor& dh, Tensor& dw, Tensor& db, const Tensor& dv, const Tensor& h,
                         const Tensor& w) {
  const char* op = "value_head_backward";
  check_value_head(op, dv, h, w, db);
  check_tensor(op, "dh", dh, h.shape(), h.dtype());
  check_tensor(op, "dw", dw, w.shape(), DType::f32);
  check_same_device(op, h, dh, dw);
  GPTE_DISPATCH_CPU(op, h.device(), value_head_backward(dh, dw, db, dv, h, w));
}

namespace cpu {

void value_head_forward(Tensor& v, const Tensor& h, const Tensor& w, const Tensor& b) {
  const int64_t C = h.dim(1);
  visit_float("value_head_forward", h.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    parallel_for(h.dim(0), kRows, [&](int64_t begin, int64_t end) {
      kernels().value_head.get<T>().forward(v.data<float>() + begin, h.data<T>() + begin * C,
                                            w.data<float>(), *b.data<float>(), end - begin, C);
    });
  });
}

void value_head_backward(Tensor& dh, Tensor& dw, Tensor& db, const Tensor& dv, const Tensor& h,
                         const Tensor& w) {
  const int64_t N = h.dim(0), C = h.dim(1);
  const float* dv_data = dv.data<float>();
  visit_float("value_head_backward", h.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().value_head.get<T>();
    parallel_for(N, kRows, [&](int64_t begin, int64_t end) {
      k.backward_input(dh.data<T>() + begin * C, dv_data + begin, w.data<float>(), end - begin, C);
    });
    parallel_for(C, kColumns, [&](int64_t begin, int64_t end) {
      k.backward_weight(dw.data<float>(), dv_data, h.data<T>(), N, C, begin, end);
    });
  });
  for (int64_t n = 0; n < N; ++n) *db.data<float>() += dv_data[n];
}

}  // namespace cpu
}  // namespace gpte
