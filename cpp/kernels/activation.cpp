#include "kernels/activation.h"

#include "kernels/activate.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

// The kind is a constant inside, so that the choice is made once a call.
template <Activation kKind, class T>
GPTE_INLINE void forward_as(T* y, const T* x, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes)
    store_n(y + i, activate(kKind, load_n(x + i, n - i)), n - i);
}
template <Activation kKind, class T>
GPTE_INLINE void backward_as(T* dx, const T* dy, const T* x, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes)
    store_n(dx + i, load_n(dy + i, n - i) * activate_grad(kKind, load_n(x + i, n - i)), n - i);
}

template <class T>
void forward(T* y, const T* x, Activation kind, int64_t n) {
  switch (kind) {
    case Activation::gelu:
      return forward_as<Activation::gelu>(y, x, n);
    case Activation::gelu_tanh:
      return forward_as<Activation::gelu_tanh>(y, x, n);
    case Activation::relu:
      return forward_as<Activation::relu>(y, x, n);
    case Activation::silu:
      return forward_as<Activation::silu>(y, x, n);
    default:
      return forward_as<Activation::none>(y, x, n);
  }
}

template <class T>
void backward(T* dx, const T* dy, const T* x, Activation kind, int64_t n) {
  switch (kind) {
    case Activation::gelu:
      return backward_as<Activation::gelu>(dx, dy, x, n);
    case Activation::gelu_tanh:
      return backward_as<Activation::gelu_tanh>(dx, dy, x, n);
    case Activation::relu:
      return backward_as<Activation::relu>(dx, dy, x, n);
    case Activation::silu:
      return backward_as<Activation::silu>(dx, dy, x, n);
    default:
      return backward_as<Activation::none>(dx, dy, x, n);
  }
}

template <class T>
void swiglu_forward(T* y, const T* x, int64_t N, int64_t F) {
  for (int64_t n = 0; n < N; ++n, y += F, x += 2 * F)
    for (int64_t f = 0; f < F; f += kLanes) {
      const Vec gate = load_n(x + f, F - f), up = load_n(x + F + f, F - f);
      store_n(y + f, activate(Activation::silu, gate) * up, F - f);
    }
}

template <class T>
void swiglu_backward(T* dx, const T* dy, const T* x, int64_t N, int64_t F) {
  for (int64_t n = 0; n < N; ++n, dy += F, x += 2 * F, dx += 2 * F)
    for (int64_t f = 0; f < F; f += kLanes) {
      const int64_t left = F - f;
      const Vec gate = load_n(x + f, left), up = load_n(x + F + f, left), g = load_n(dy + f, left);
      const Sigmoid s = sigmoid(gate);
      const Vec silu = zero_far_below(gate, gate * s.value);
      store_n(dx + f, g * up * (s.value + vmin(splat(kFar), silu) * s.rest), left);
      store_n(dx + F + f, g * silu, left);
    }
}

}  // namespace

extern const ActivationKernels<float> activation_f32 = {
    forward<float>, backward<float>, swiglu_forward<float>, swiglu_backward<float>};
extern const ActivationKernels<bf16> activation_bf16 = {
    forward<bf16>, backward<bf16>, swiglu_forward<bf16>, swiglu_backward<bf16>};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
