#include "ops/adamw.h"

#include <cmath>

#include "core/parallel.h"
#include "kernels/kernels.h"
#include "ops/checks.h"

namespace gpte {

void adamw_step(Tensor& p, Tensor& m, Tensor& v, Tensor& g, Tensor& copy, float lr, float beta1,
                float beta2, float eps, float weight_decay, float grad_scale, int64_t step) {
  const char* op = "adamw_step";
  check_tensor(op, "p", p, p.shape(), DType::f32);
  check_tensor(op, "m", m, p.shape(), DType::f32);
  check_tensor(op, "v", v, p.shape(), DType::f32);
  check_tensor(op, "g", g, p.shape(), DType::f32);
  check_optional(op, "copy", copy, p.shape(), DType::bf16);
  check(beta1 >= 0 && beta1 < 1, op, ": beta1 ", beta1, " must be in [0, 1)");
  check(beta2 >= 0 && beta2 < 1, op, ": beta2 ", beta2, " must be in [0, 1)");
  check(std::isfinite(lr) && lr >= 0, op, ": lr ", lr, " must be finite and at least 0");
  check(std::isfinite(eps) && eps > 0, op, ": eps ", eps, " must be finite and positive");
  check(std::isfinite(weight_decay) && weight_decay >= 0, op, ": weight_decay ", weight_decay,
        " must be finite and at least 0");
  check(std::isfinite(grad_scale) && grad_scale >= 0, op, ": grad_scale ", grad_scale,
        " must be finite and at least 0");
  check(step >= 1, op, ": step ", step, " must be at least 1");
  check_same_device(op, p, m, v, g, copy);
  GPTE_DISPATCH_CPU(
      op, p.device(),
      adamw_step(p, m, v, g, copy, lr, beta1, beta2, eps, weight_decay, grad_scale, step));
}

namespace cpu {

void adamw_step(Tensor& p, Tensor& m, Tensor& v, Tensor& g, Tensor& copy, float lr, float beta1,
                float beta2, float eps, float weight_decay, float grad_scale, int64_t step) {
  constexpr int64_t kElements = 16384;  // elements a chunk
  // 1 - beta^step by expm1, which keeps its digits at step 1 with a beta close to 1.
  const auto correction = [&](float beta) {
    return float(-1 / std::expm1(double(step) * std::log(double(beta))));
  };
  const AdamwStep s{
      lr, beta1, beta2, eps, weight_decay, grad_scale, correction(beta1), correction(beta2)};
  bf16* low = copy.defined() ? copy.data<bf16>() : nullptr;
  parallel_for(p.numel(), kElements, [&](int64_t begin, int64_t end) {
    kernels().optimizer->adamw(p.data<float>() + begin, m.data<float>() + begin,
                               v.data<float>() + begin, g.data<float>() + begin,
                               low ? low + begin : low, s, end - begin);
  });
}

}  // namespace cpu
}  // namespace gpte
