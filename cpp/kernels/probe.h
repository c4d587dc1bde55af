// What the arithmetic units and the memory of a processor can do at most.
#pragma once

#include <stdint.h>

namespace gpte {

struct ProbeKernels {
  // Independent chains of fused multiply-adds (of pairs of bf16, where the processor has them) that
  // stay in registers; returns the floating-point operations done. `sink` keeps them alive.
  int64_t (*multiply_float32)(float* sink, int64_t loops);
  int64_t (*multiply_bfloat16)(float* sink, int64_t loops);
  // Adds up n floats, n a multiple of 256.
  void (*read)(float* sink, const float* p, int64_t n);
};

}  // namespace gpte
