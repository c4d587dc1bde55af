// One step of AdamW (Loshchilov, Hutter 2019), in one pass over memory. With a = g[i] * grad_scale:
//   m[i]  = beta1 m[i] + (1 - beta1) a        v[i] = beta2 v[i] + (1 - beta2) a^2
//   p[i] -= lr (m[i] / (1 - beta1^step) / (sqrt(v[i] / (1 - beta2^step)) + eps) + weight_decay
//   p[i]) copy[i] = p[i] rounded to bf16            g[i] = 0
// p, m, v, g: (n) f32   copy: (n) bf16 or undefined   step counts from 1
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

GPTE_OP(adamw_step, Tensor& p, Tensor& m, Tensor& v, Tensor& g, Tensor& copy, float lr, float beta1,
        float beta2, float eps, float weight_decay, float grad_scale, int64_t step)

}  // namespace gpte
