// One text declares an operator three times: public, on the CPU, on CUDA. Dispatch is one
// conditional.
#pragma once

#include "core/check.h"
#include "core/device.h"

#ifndef GPTE_HAS_CUDA
#define GPTE_HAS_CUDA 0
#endif

#define GPTE_OP(name, ...) \
  void name(__VA_ARGS__);  \
  namespace cpu {          \
  void name(__VA_ARGS__);  \
  }                        \
  namespace cuda {         \
  void name(__VA_ARGS__);  \
  }

namespace gpte {
[[noreturn]] inline void fail_without_cuda(const char* op) {
  fail(op, ": device cuda, but this build of gptengine has no CUDA; use device=\"cpu\"");
}
}  // namespace gpte

// GPTE_DISPATCH(op, device, call): the operator has a CUDA twin.
#if GPTE_HAS_CUDA
#define GPTE_DISPATCH(op, device, ...) \
  do {                                 \
    if ((device) == Device::cuda)      \
      cuda::__VA_ARGS__;               \
    else                               \
      cpu::__VA_ARGS__;                \
  } while (0)
#else
#define GPTE_DISPATCH(op, device, ...)                           \
  do {                                                           \
    if ((device) == Device::cuda) ::gpte::fail_without_cuda(op); \
    cpu::__VA_ARGS__;                                            \
  } while (0)
#endif

// The operator's twin is still to be written.
#define GPTE_DISPATCH_CPU(op, device, ...)                                         \
  do {                                                                             \
    if ((device) == Device::cuda) ::gpte::fail(op, ": not yet available on cuda"); \
    cpu::__VA_ARGS__;                                                              \
  } while (0)
