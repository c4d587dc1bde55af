#include "ops/linear_logprob.h"

#include <algorithm>

#include "core/parallel.h"
#include "core/scratch.h"
#include "kernels/kernels.h"
#include "ops/gemm.h"
#include "ops/linear.h"

namespace gpte {
namespace {

void check_matrices(const char* op, const Tensor& h, const Tensor& w) {
  check(h.shape().rank() == 2 && h.numel() > 0, op, ": h ", h.shape(), " must be a matrix");
  check(w.shape().rank() == 2 && w.dim(1) == h.dim(1), op, ": w ", w.shape(),
        " must be (vocabulary, ", h.dim(1), ")");
  check(w.dtype() == h.dtype(), op, ": w dtype ", w.dtype(), " must match h dtype ", h.dtype());
}

void check_head(const char* op, const Tensor& h, const Tensor& w, const Tensor& targets) {
  check_matrices(op, h, w);
  check(targets.shape() == Shape{h.dim(0)} && targets.dtype() == DType::i32, op, ": targets ",
        targets.shape(), " ", targets.dtype(), " must be ", Shape{h.dim(0)}, " int32");
  const int32_t* t = targets.data<int32_t>();
  for (int64_t n = 0; n < targets.numel(); ++n)
    check(t[n] < w.dim(0), op, ": targets[", n, "] = ", t[n], " must be below the vocabulary size ",
          w.dim(0));
}

void check_rows(const char* op, const char* name, const Tensor& t, const Tensor& h) {
  check(t.shape() == Shape{h.dim(0)} && t.dtype() == DType::f32, op, ": ", name, " ", t.shape(),
        " ", t.dtype(), " must be ", Shape{h.dim(0)}, " float32");
}

void check_gradients(const char* op, const Tensor& dh, const Tensor& dw, const Tensor& h,
                     const Tensor& w) {
  check(dh.shape() == h.shape() && dh.dtype() == h.dtype(), op, ": dh ", dh.shape(), " ",
        dh.dtype(), " must match h ", h.shape(), " ", h.dtype());
  check(dw.shape() == w.shape() && dw.dtype() == DType::f32, op, ": dw ", dw.shape(), " ",
        dw.dtype(), " must be ", w.shape(), " float32");
}

}  // namespace

void linear_logprob_forward(Tensor& logp, Tensor& lse, const Tensor& h, const Tensor& w,
                            const Tensor& targets) {
  const char* op = "linear_logprob_forward";
  check_head(op, h, w, targets);
  check_rows(op, "logp", logp, h);
  check_rows(op, "lse", lse, h);
  check_same_device(op, h, w, logp, lse);
  GPTE_DISPATCH_CPU(op, h.device(), linear_logprob_forward(logp, lse, h, w, targets));
}

void linear_logprob_backward(Tensor& dh, Tensor& dw, const Tensor& dlogp, const Tensor& h,
                             const Tensor& w, const Tensor& targets, const Tensor& lse) {
  const char* op = "linear_logprob_backward";
  check_head(op, h, w, targets);
  check_rows(op, "dlogp", dlogp, h);
  check_rows(op, "lse", lse, h);
  check_gradients(op, dh, dw, h, w);
  check_same_device(op, h, w, dh, dw, dlogp, lse);
  GPTE_DISPATCH_CPU(op, h.device(), linear_logprob_backward(dh, dw, dlogp, h, w, targets, lse));
}

void linear_logprob_forward_backward(Tensor& logp, Tensor& lse, Tensor& dh, Tensor& dw,
                                     const Tensor& dlogp, const Tensor& h, const Tensor& w,
                                     const Tensor& targets) {
  const char* op = "linear_logprob_forward_backward";
  check_head(op, h, w, targets);
  check_rows(op, "logp", logp, h);
  check_rows(op, "lse", lse, h);
  check_rows(op, "dlogp", dlogp, h);
  check_gradients(op, dh, dw, h, w);
  check_same_device(op, h, w, dh, dw, dlogp, logp, lse);
  GPTE_DISPATCH_CPU(op, h.device(),
                    linear_logprob_forward_backward(logp, lse, dh, dw, dlogp, h, w, targets));
}

void linear_logits(Tensor& logits, const Tensor& h, const Tensor& w, const Tensor& rows) {
  const char* op = "linear_logits";
  check(h.shape().rank() == 2 && h.numel() > 0, op, ": h ", h.shape(), " must be a matrix");
  check(logits.shape().rank() == 2, op, ": logits ", logits.shape(), " must be a matrix");
  const Shape weights{logits.dim(1), h.dim(1)};
  const Shape expected = w.shape().rank() == 3 ? packed_shape(weights, h.dtype()) : weights;
  check(w.shape() == expected && w.dtype() == h.dtype(), op, ": w ", w.shape(), " ", w.dtype(),
        " must be ", expected, " ", h.dtype());
  check(rows.shape().rank() == 1 && rows.dtype() == DType::i32, op, ": rows ", rows.shape(), " ",
        rows.dtype(), " must be a vector of int32");
  const Shape shape{rows.dim(0), logits.dim(1)};
  check(logits.shape() == shape && logits.dtype() == DType::f32, op, ": logits ", logits.shape(),
        " ", logits.dtype(), " must be ", shape, " float32");
  for (int64_t r = 0; r < rows.numel(); ++r)
    check(rows.data<int32_t>()[r] >= 0 && rows.data<int32_t>()[r] < h.dim(0), op, ": rows[", r,
          "] = ", rows.data<int32_t>()[r], " must be in [0, ", h.dim(0), ")");
  check_same_device(op, h, w, logits, rows);
  GPTE_DISPATCH_CPU(op, h.device(), linear_logits(logits, h, w, rows));
}

namespace cpu {
namespace {

// The three operators: forward when logp is given, backward when dh is given. lse is written by the
// one and read by the other.
template <class T>
void run(float* logp, float* lse, Tensor* dh, Tensor* dw, const Tensor* dlogp, const Tensor& h,
         const Tensor& w, const int32_t* targets) {
  const auto& kernel = kernels().logprob.get<T>();
  const int64_t N = h.dim(0), C = h.dim(1), V = w.dim(0);
  const int64_t ld = round_up(V, 16);
  const int64_t most = std::max<int64_t>(1, kLogitBytes / (ld * 4));
  const int64_t chunks = (N + most - 1) / most, chunk = (N + chunks - 1) / chunks;
  float* z = scratch<float>(Scratch::logits, chunk * ld);
  constexpr int64_t kPerFloat =
      sizeof(float) / sizeof(T);  // dz overlies z, so its rows are as many bytes
  for (int64_t n0 = 0; n0 < N; n0 += chunk) {
    const int64_t rows = std::min(chunk, N - n0);
    const T* h0 = h.data<T>() + n0 * C;
    gemm<T>(rows, V, C, {h0, C, 1}, {w.data<T>(), C, 1}, {z, ld, false});
    parallel_for(rows, 1, [&](int64_t begin, int64_t end) {
      const int64_t n = n0 + begin;
      if (logp) kernel.logprob(logp + n, lse + n, z + begin * ld, ld, targets + n, end - begin, V);
      if (dh)
        kernel.logprob_backward(reinterpret_cast<T*>(z + begin * ld), ld * kPerFloat,
                                z + begin * ld, ld, lse + n, dlogp->data<float>() + n, targets + n,
                                end - begin, V);
    });
    if (!dh) continue;
    const T* dz = reinterpret_cast<const T*>(z);
    GemmEpilogue<T> epilogue;
    epilogue.out = dh->data<T>() + n0 * C;
    epilogue.ld = C;
    gemm<T>(rows, C, V, {dz, ld * kPerFloat, 1}, {w.data<T>(), 1, C}, epilogue);
    gemm<T>(V, C, rows, {dz, 1, ld * kPerFloat}, {h0, 1, C}, {dw->data<float>(), C, true});
  }
}

}  // namespace

void linear_logprob_forward(Tensor& logp, Tensor& lse, const Tensor& h, const Tensor& w,
                            const Tensor& targets) {
  visit_float("linear_logprob_forward", h.dtype(), [&](auto type) {
    run<typename decltype(type)::type>(logp.data<float>(), lse.data<float>(), nullptr, nullptr,
                                       nullptr, h, w, targets.data<int32_t>());
  });
}

void linear_logprob_backward(Tensor& dh, Tensor& dw, const Tensor& dlogp, const Tensor& h,
                             const Tensor& w, const Tensor& targets, const Tensor& lse) {
  visit_float("linear_logprob_backward", h.dtype(), [&](auto type) {
    run<typename decltype(type)::type>(nullptr, const_cast<float*>(lse.data<float>()), &dh, &dw,
                                       &dlogp, h, w, targets.data<int32_t>());
  });
}

void linear_logprob_forward_backward(Tensor& logp, Tensor& lse, Tensor& dh, Tensor& dw,
                                     const Tensor& dlogp, const Tensor& h, const Tensor& w,
                                     const Tensor& targets) {
  visit_float("linear_logprob_forward_backward", h.dtype(), [&](auto type) {
    run<typename decltype(type)::type>(logp.data<float>(), lse.data<float>(), &dh, &dw, &dlogp, h,
                                       w, targets.data<int32_t>());
  });
}

void linear_logits(Tensor& logits, const Tensor& h, const Tensor& w, const Tensor& rows) {
  const int64_t R = rows.numel(), C = h.dim(1), V = logits.dim(1);
  visit_float("linear_logits", h.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    T* chosen = scratch<T>(Scratch::rows, R * C);
    for (int64_t r = 0; r < R; ++r)
      std::copy_n(h.data<T>() + rows.data<int32_t>()[r] * C, C, chosen + r * C);
    gemm<T>(R, V, C, {chosen, C, 1}, {w.data<T>(), C, 1, w.shape().rank() == 3},
            {logits.data<float>(), V, false});
  });
}

}  // namespace cpu
}  // namespace gpte
