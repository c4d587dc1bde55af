// Rows of logits: log-probabilities of targets and the gradient; formulas in ops/linear_logprob.h.
#pragma once

#include <stdint.h>

namespace gpte {

template <class T>
struct LogprobKernels {
  // For each row n: lse[n] and logp[n] from z (rows of ld) and its target; a negative target gives
  // logp 0.
  void (*logprob)(float* logp, float* lse, const float* z, int64_t ld, const int32_t* targets,
                  int64_t N, int64_t V);
  // dz[n,v] = dlogp[n] * ((v == target) - exp(z[n,v] - lse[n])); a negative target gives zeros. dz
  // may lie over z: row n starts at the same byte, and an element is never written before it is
  // read.
  void (*logprob_backward)(T* dz, int64_t ld_dz, const float* z, int64_t ld_z, const float* lse,
                           const float* dlogp, const int32_t* targets, int64_t N, int64_t V);
};

}  // namespace gpte
