#include "ops/activation.h"

#include "core/parallel.h"
#include "kernels/kernels.h"
#include "ops/checks.h"

namespace gpte {
namespace {

constexpr int64_t kElements = 16384;  // elements a chunk

void check_kind(const char* op, Activation kind) {
  check(kind != Activation::swiglu, op, ": swiglu joins two inputs and has an operator of its own");
}

}  // namespace

void activation_forward(Tensor& y, const Tensor& x, Activation kind) {
  check_tensor("activation_forward", "x", x, x.shape(), x.dtype());
  check_tensor("activation_forward", "y", y, x.shape(), x.dtype());
  check_kind("activation_forward", kind);
  check_same_device("activation_forward", x, y);
  GPTE_DISPATCH_CPU("activation_forward", x.device(), activation_forward(y, x, kind));
}

void activation_backward(Tensor& dx, const Tensor& dy, const Tensor& x, Activation kind) {
  check_tensor("activation_backward", "x", x, x.shape(), x.dtype());
  check_tensor("activation_backward", "dx", dx, x.shape(), x.dtype());
  check_tensor("activation_backward", "dy", dy, x.shape(), x.dtype());
  check_kind("activation_backward", kind);
  check_same_device("activation_backward", x, dx, dy);
  GPTE_DISPATCH_CPU("activation_backward", x.device(), activation_backward(dx, dy, x, kind));
}

namespace cpu {

void activation_forward(Tensor& y, const Tensor& x, Activation kind) {
  visit_float("activation_forward", x.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().activation.get<T>();
    parallel_for(x.numel(), kElements, [&](int64_t begin, int64_t end) {
      k.forward(y.data<T>() + begin, x.data<T>() + begin, kind, end - begin);
    });
  });
}

void activation_backward(Tensor& dx, const Tensor& dy, const Tensor& x, Activation kind) {
  visit_float("activation_backward", x.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().activation.get<T>();
    parallel_for(x.numel(), kElements, [&](int64_t begin, int64_t end) {
      k.backward(dx.data<T>() + begin, dy.data<T>() + begin, x.data<T>() + begin, kind,
                 end - begin);
    });
  });
}

}  // namespace cpu
}  // namespace gpte
