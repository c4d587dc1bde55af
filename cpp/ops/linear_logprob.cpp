#include "ops/linear_logprob.h"

#include <algorithm>

#include "core/parallel.h"
#include "core/scratch.h"
#include "kernels/kernels.h"
#include "ops/checks.h"
#include "ops/gemm.h"
#include "ops/linear.h"

namespace gpte {
namespace {

void check_targets(const char* op, const Tensor& h, const Tensor& w, const Tensor& targets) {
  check_tensor(op, "targets", targets, {h.dim(0)}, DType::i32);
  check_same_device(op, h, w, targets);
}

void check_head(const char* op, const Tensor& h, const Tensor& w, const Tensor& targets) {
  check_matrix(op, "h", h);
  check_matrix(op, "w", w);
  check_tensor(op, "w", w, {w.dim(0), h.dim(1)}, h.dtype());
  check_targets(op, h, w, targets);
}

void check_rows(const char* op, const char* name, const Tensor& t, const Tensor& h) {
  check_tensor(op, name, t, {h.dim(0)}, DType::f32);
  check_same_device(op, h, t);
}

void check_gradients(const char* op, const Tensor& dh, const Tensor& dw, const Tensor& h,
                     const Tensor& w) {
  check_tensor(op, "dh", dh, h.shape(), h.dtype());
  check_tensor(op, "dw", dw, w.shape(), DType::f32);
  check_same_device(op, h, dh, dw);
}

// Values can only be looked at where they are. A negative target is ignored.
void check_below(const char* op, const Tensor& targets, int64_t V) {
  const int32_t* t = targets.data<int32_t>();
  for (int64_t n = 0; n < targets.numel(); ++n)
    check(t[n] < V, op, ": targets[", n, "] = ", t[n], " must be below the vocabulary size ", V);
}

}  // namespace

void linear_logprob_forward(Tensor& logp, Tensor& lse, const Tensor& h, const Tensor& w,
                            const Tensor& targets, int64_t V) {
  const char* op = "linear_logprob_forward";
  check_matrix(op, "h", h);
  check(V >= 1, op, ": V ", V, " must be at least 1");
  check_weight(op, w, {V, h.dim(1)}, h.dtype());
  check_targets(op, h, w, targets);
  check_rows(op, "logp", logp, h);
  check_rows(op, "lse", lse, h);
  GPTE_DISPATCH_CPU(op, h.device(), linear_logprob_forward(logp, lse, h, w, targets, V));
}

void linear_logprob_backward(Tensor& dh, Tensor& dw, const Tensor& dlogp, const Tensor& h,
                             const Tensor& w, const Tensor& targets, const Tensor& lse) {
  const char* op = "linear_logprob_backward";
  check_head(op, h, w, targets);
  check_rows(op, "dlogp", dlogp, h);
  check_rows(op, "lse", lse, h);
  check_gradients(op, dh, dw, h, w);
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
  GPTE_DISPATCH_CPU(op, h.device(),
                    linear_logprob_forward_backward(logp, lse, dh, dw, dlogp, h, w, targets));
}

void linear_logits(Tensor& logits, const Tensor& h, const Tensor& w, const Tensor& rows) {
  const char* op = "linear_logits";
  check_matrix(op, "h", h);
  check_rank(op, "logits", logits, 2);
  check_rank(op, "rows", rows, 1);
  const Shape weights{logits.dim(1), h.dim(1)};
  check_weight(op, w, weights, h.dtype());
  check_tensor(op, "rows", rows, rows.shape(), DType::i32);
  check_tensor(op, "logits", logits, {rows.dim(0), logits.dim(1)}, DType::f32);
  check_same_device(op, h, w, logits, rows);
  GPTE_DISPATCH_CPU(op, h.device(), linear_logits(logits, h, w, rows));
}

namespace cpu {
namespace {

// The three operators: forward when logp is given, backward when dh is given. lse is written by the
// one and read by the other.
template <class T>
void run(float* logp, float* lse, Tensor* dh, Tensor* dw, const Tensor* dlogp, const Tensor& h,
         const Tensor& w, const int32_t* targets, int64_t V) {
  const auto& kernel = kernels().logprob.get<T>();
  const int64_t N = h.dim(0), C = h.dim(1);
  const int64_t ld = round_up(V, 16);
  const int64_t most = std::max<int64_t>(1, kLogitBytes / (ld * 4));
  const int64_t chunks = (N + most - 1) / most, chunk = (N + chunks - 1) / chunks;
  float* z = scratch<float>(Scratch::logits, chunk * ld);
  constexpr int64_t kPerFloat =
      sizeof(float) / sizeof(T);  // dz overlies z, so its rows are as many bytes
  for (int64_t n0 = 0; n0 < N; n0 += chunk) {
    const int64_t rows = std::min(chunk, N - n0);
    const T* h0 = h.data<T>() + n0 * C;
    multiply_weight<T>(rows, V, C, h0, w, {z, ld, false}, {});
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
                            const Tensor& targets, int64_t V) {
  check_below("linear_logprob_forward", targets, V);
  visit_float("linear_logprob_forward", h.dtype(), [&](auto type) {
    run<typename decltype(type)::type>(logp.data<float>(), lse.data<float>(), nullptr, nullptr,
                                       nullptr, h, w, targets.data<int32_t>(), V);
  });
}

void linear_logprob_backward(Tensor& dh, Tensor& dw, const Tensor& dlogp, const Tensor& h,
                             const Tensor& w, const Tensor& targets, const Tensor& lse) {
  check_below("linear_logprob_backward", targets, w.dim(0));
  visit_float("linear_logprob_backward", h.dtype(), [&](auto type) {
    run<typename decltype(type)::type>(nullptr, const_cast<float*>(lse.data<float>()), &dh, &dw,
                                       &dlogp, h, w, targets.data<int32_t>(), w.dim(0));
  });
}

void linear_logprob_forward_backward(Tensor& logp, Tensor& lse, Tensor& dh, Tensor& dw,
                                     const Tensor& dlogp, const Tensor& h, const Tensor& w,
                                     const Tensor& targets) {
  check_below("linear_logprob_forward_backward", targets, w.dim(0));
  visit_float("linear_logprob_forward_backward", h.dtype(), [&](auto type) {
    run<typename decltype(type)::type>(logp.data<float>(), lse.data<float>(), &dh, &dw, &dlogp, h,
                                       w, targets.data<int32_t>(), w.dim(0));
  });
}

void linear_logits(Tensor& logits, const Tensor& h, const Tensor& w, const Tensor& rows) {
  check_indices("linear_logits", "rows", rows, h.dim(0));
  const int64_t R = rows.numel(), C = h.dim(1), V = logits.dim(1);
  visit_float("linear_logits", h.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    T* chosen = scratch<T>(Scratch::rows, R * C);
    for (int64_t r = 0; r < R; ++r)
      std::copy_n(h.data<T>() + rows.data<int32_t>()[r] * C, C, chosen + r * C);
    multiply_weight<T>(R, V, C, chosen, w, {logits.data<float>(), V, false}, {});
  });
}

}  // namespace cpu
}  // namespace gpte
