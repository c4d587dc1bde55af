// The passes over a row of logits that a draw needs; the rest is in decode/sampler.cpp.
#pragma once

#include <stdint.h>

namespace gpte {

constexpr int64_t kSamplingBlock = 64;  // elements whose sum and maximum are kept

struct SamplingKernels {
  // The index of the largest, of equal ones the first; V is at least 1 and none is NaN.
  int64_t (*first_max)(const float* z, int64_t V);
  // e[v] = exp((z[v] - max z) * inverse_temperature) and, of each block of e, sum and maximum.
  // Returns max z; where it is infinite, e is NaN.
  float (*exponentials)(float* e, float* block_sum, float* block_max, const float* z,
                        float inverse_temperature, int64_t V);
  // y[v] = z[v] where bit v % 32 of words[v / 32] is set, else -infinity.
  void (*masked)(float* y, const float* z, const int32_t* words, int64_t V);
};

}  // namespace gpte
