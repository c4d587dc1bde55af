#include "ops/layer_norm.h"

#include "core/parallel.h"
#include "kernels/kernels.h"
#include "ops/norm_checks.h"

namespace gpte {

void layer_norm_forward(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const Tensor& w,
                        const Tensor& b, float eps) {
  check_norm("layer_norm_forward", x, w, {{"y", &y}}, {{"mean", &mean}, {"rstd", &rstd}});
  check_optional("layer_norm_forward", "b", b, {x.dim(-1)}, DType::f32);
  check_same_device("layer_norm_forward", x, b);
  GPTE_DISPATCH_CPU("layer_norm_forward", x.device(),
                    layer_norm_forward(y, mean, rstd, x, w, b, eps));
}

void layer_norm_backward(Tensor& dx, Tensor& dw, Tensor& db, const Tensor& dy, const Tensor& x,
                         const Tensor& w, const Tensor& mean, const Tensor& rstd) {
  check_norm("layer_norm_backward", x, w, {{"dx", &dx}, {"dy", &dy}},
             {{"mean", &mean}, {"rstd", &rstd}});
  check_tensor("layer_norm_backward", "dw", dw, {x.dim(-1)}, DType::f32);
  check_optional("layer_norm_backward", "db", db, {x.dim(-1)}, DType::f32);
  check_same_device("layer_norm_backward", x, dw, db);
  GPTE_DISPATCH_CPU("layer_norm_backward", x.device(),
                    layer_norm_backward(dx, dw, db, dy, x, w, mean, rstd));
}

namespace cpu {

void layer_norm_forward(Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x, const Tensor& w,
                        const Tensor& b, float eps) {
  const int64_t C = x.dim(-1);
  visit_float("layer_norm_forward", x.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().norm.get<T>();
    const float* bias = b.defined() ? b.data<float>() : nullptr;
    parallel_for(mean.numel(), kNormRows, [&](int64_t begin, int64_t end) {
      k.layer_norm_forward(y.data<T>() + begin * C, mean.data<float>() + begin,
                           rstd.data<float>() + begin, x.data<T>() + begin * C, w.data<float>(),
                           bias, end - begin, C, eps);
    });
  });
}

void layer_norm_backward(Tensor& dx, Tensor& dw, Tensor& db, const Tensor& dy, const Tensor& x,
                         const Tensor& w, const Tensor& mean, const Tensor& rstd) {
  const int64_t N = mean.numel(), C = x.dim(-1);
  visit_float("layer_norm_backward", x.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().norm.get<T>();
    parallel_for(N, kNormRows, [&](int64_t begin, int64_t end) {
      k.norm_backward_input(dx.data<T>() + begin * C, dy.data<T>() + begin * C,
                            x.data<T>() + begin * C, w.data<float>(), mean.data<float>() + begin,
                            rstd.data<float>() + begin, end - begin, C);
    });
    float* bias = db.defined() ? db.data<float>() : nullptr;
    parallel_for(C, kNormColumns, [&](int64_t begin, int64_t end) {
      k.norm_backward_weight(dw.data<float>(), bias, dy.data<T>(), x.data<T>(), mean.data<float>(),
                             rstd.data<float>(), N, C, begin, end);
    });
  });
}

}  // namespace cpu
}  // namespace gpte
