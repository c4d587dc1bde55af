// Activations over n elements, and the gated one over rows; formulas in ops/activation.h.
#pragma once

#include <stdint.h>

#include "kernels/activation_kind.h"

namespace gpte {

template <class T>
struct ActivationKernels {
  void (*forward)(T* y, const T* x, Activation kind, int64_t n);
  void (*backward)(T* dx, const T* dy, const T* x, Activation kind, int64_t n);
  // y: N rows of F; x, dx: N rows of 2F
  void (*swiglu_forward)(T* y, const T* x, int64_t N, int64_t F);
  void (*swiglu_backward)(T* dx, const T* dy, const T* x, int64_t N, int64_t F);
};

}  // namespace gpte
