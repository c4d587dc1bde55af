// The optimizer's passes over n elements; formulas in ops/adamw.h and ops/square_sum.h.
#pragma once

#include <stdint.h>

#include "core/bf16.h"

namespace gpte {

// What a step's elements share. The corrections are 1 / (1 - beta^step), for v under the root.
struct AdamwStep {
  float lr, beta1, beta2, eps, weight_decay, grad_scale, m_correction, v_correction;
};

struct OptimizerKernels {
  double (*square_sum)(const float* x, int64_t n);
  // A null copy stands for none.
  void (*adamw)(float* p, float* m, float* v, float* g, bf16* copy, const AdamwStep& s, int64_t n);
};

}  // namespace gpte
