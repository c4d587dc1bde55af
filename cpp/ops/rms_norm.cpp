#include "ops/rms_norm.h"

#include "core/parallel.h"
#include "kernels/kernels.h"
#include "ops/norm_checks.h"

namespace gpte {

void rms_norm_forward(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor& w, float eps) {
  check_norm("rms_norm_forward", x, w, {{"y", &y}}, {{"rstd", &rstd}});
  GPTE_DISPATCH("rms_norm_forward", x.device(), rms_norm_forward(y, rstd, x, w, eps));
}

void rms_norm_backward(Tensor& dx, Tensor& dw, const Tensor& dy, const Tensor& x, const Tensor& w,
                       const Tensor& rstd) {
  check_norm("rms_norm_backward", x, w, {{"dx", &dx}, {"dy", &dy}}, {{"rstd", &rstd}});
  check_tensor("rms_norm_backward", "dw", dw, {x.dim(-1)}, DType::f32);
  check_same_device("rms_norm_backward", x, dw);
  GPTE_DISPATCH("rms_norm_backward", x.device(), rms_norm_backward(dx, dw, dy, x, w, rstd));
}

namespace cpu {

void rms_norm_forward(Tensor& y, Tensor& rstd, const Tensor& x, const Tensor& w, float eps) {
  const int64_t C = x.dim(-1);
  visit_float("rms_norm_forward", x.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().norm.get<T>();
    parallel_for(rstd.numel(), kNormRows, [&](int64_t begin, int64_t end) {
      k.rms_norm_forward(y.data<T>() + begin * C, rstd.data<float>() + begin,
                         x.data<T>() + begin * C, w.data<float>(), end - begin, C, eps);
    });
  });
}

void rms_norm_backward(Tensor& dx, Tensor& dw, const Tensor& dy, const Tensor& x, const Tensor& w,
                       const Tensor& rstd) {
  const int64_t N = rstd.numel(), C = x.dim(-1);
  visit_float("rms_norm_backward", x.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().norm.get<T>();
    parallel_for(N, kNormRows, [&](int64_t begin, int64_t end) {
      k.norm_backward_input(dx.data<T>() + begin * C, dy.data<T>() + begin * C,
                            x.data<T>() + begin * C, w.data<float>(), nullptr,
                            rstd.data<float>() + begin, end - begin, C);
    });
    parallel_for(C, kNormColumns, [&](int64_t begin, int64_t end) {
      k.norm_backward_weight(dw.data<float>(), nullptr, dy.data<T>(), x.data<T>(), nullptr,
                             rstd.data<float>(), N, C, begin, end);
    });
  });
}

}  // namespace cpu
}  // namespace gpte
