// One step of AdamW (Loshchilov, Hutter 2019), in one pass over memory. With a = g[i] * grad_scale:
//   m[i] = beta1 m[i] + (1 - beta1) a         M = m[i] / (1 - beta1^step)
//   v[i] = beta2 v[i] + (1 - beta2) a^2       V = v[i] / (1 - beta2^step)
//   p[i] -= lr (M / (sqrt(V) + eps) + weight_decay p[i])
//   copy[i] = p[i] rounded to bf16
//   g[i] = 0
// p, m, v, g: (n) f32   copy: (n) bf16 or undefined   step counts from 1
// lr, weight_decay and grad_scale are finite and not negative.
#pragma once

#include "core/dispatch.h"
#include "core/tensor.h"

namespace gpte {

GPTE_OP(adamw_step, Tensor& p, Tensor& m, Tensor& v, Tensor& g, Tensor& copy, float lr, float beta1,
        float beta2, float eps, float weight_decay, float grad_scale, int64_t step)

}  // namespace gpte
