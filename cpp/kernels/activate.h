// Activations and their derivatives on a vector, for the activation operators and for the epilogue
// of the matrix multiplication. Formulas in ops/activation.h.
#pragma once

#include "kernels/activation_kind.h"
#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {

// The standard normal's density times sqrt(2 pi), e^(-x^2/2), and its distribution.
struct Normal {
  Vec bell, below;
};

// For s = |x|: Phi(-s) = e^(-s^2/2) R(u) with u = 1 / (1 + 0.34 s), the form of Hastings (1955).
// R is a degree-7 minimax fit of ours on s < 6: Phi within 2.5e-7, x Phi(x) within 1e-7.
GPTE_INLINE Normal standard_normal(Vec x) {
  const Vec s = x < 0 ? -x : x;
  const Vec u = 1.f / (1.f + s * 0.34f);
  Vec r = splat(0.0464519635f);
  r = r * u - 0.207595542f;
  r = r * u + 0.276614815f;
  r = r * u - 0.0423066393f;
  r = r * u + 0.162437081f;
  r = r * u + 0.12821357f;
  r = r * u + 0.136184692f;
  const Vec bell = vexp(x * x * -0.5f);
  const Vec tail = bell * (r * u);
  return {bell, x > 0 ? 1.f - tail : tail};
}

// Beyond +-100 every activation but relu is 0 or x to float32 rounding. There the factors of the
// formulas overflow, or are infinite beside a zero: x is cut to it, and NaN stays NaN.
constexpr float kFar = 100;
GPTE_INLINE Vec near(Vec x) {
  return vmin(splat(kFar), vmax(splat(-kFar), x));
}
GPTE_INLINE Vec zero_far_below(Vec x, Vec y) {
  return x < -kFar ? Vec{} : y;
}

// 1 / (1 + e^-z), and 1 minus it, which keeps its digits where the first is close to 1.
struct Sigmoid {
  Vec value, rest;
};
GPTE_INLINE Sigmoid sigmoid(Vec z) {
  const Vec e = vexp(-z);
  const Vec value = 1.f / (1.f + e);
  return {value, e * value};
}

// 0.5 (1 + tanh(a)) = sigmoid(2a), with a = sqrt(2/pi) (x + 0.044715 x^3).
constexpr float kGeluSlope = 1.59576912f, kGeluCube = 0.044715f;
GPTE_INLINE Vec gelu_tanh_argument(Vec x) {
  return kGeluSlope * x * (1.f + kGeluCube * x * x);
}

// `none` and `swiglu`, which joins two inputs, leave x as it is.
GPTE_INLINE Vec activate(Activation kind, Vec x) {
  switch (kind) {
    case Activation::gelu:
      return zero_far_below(x, x * standard_normal(x).below);
    case Activation::gelu_tanh:
      return zero_far_below(x, x * sigmoid(gelu_tanh_argument(x)).value);
    case Activation::relu:
      return x < 0 ? Vec{} : x;
    case Activation::silu:
      return zero_far_below(x, x * sigmoid(x).value);
    default:
      return x;
  }
}

// d activate(x) / dx; relu has 0 at 0.
GPTE_INLINE Vec activate_grad(Activation kind, Vec any) {
  const Vec x = near(any);
  switch (kind) {
    case Activation::gelu: {
      const Normal n = standard_normal(x);
      return n.below + x * n.bell * 0.398942280f;
    }
    case Activation::gelu_tanh: {
      const Sigmoid s = sigmoid(gelu_tanh_argument(x));
      const Vec slope = kGeluSlope * (1.f + 3 * kGeluCube * x * x);
      return s.value + x * slope * (s.value * s.rest);
    }
    case Activation::relu:
      return x > 0 ? splat(1.f) : Vec{};
    case Activation::silu: {
      const Sigmoid s = sigmoid(x);
      return s.value + x * (s.value * s.rest);
    }
    default:
      return splat(1.f);
  }
}

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
