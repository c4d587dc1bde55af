#include "ops/swiglu.h"

#include <algorithm>

#include "core/parallel.h"
#include "kernels/kernels.h"
#include "ops/checks.h"

namespace gpte {
namespace {

constexpr int64_t kElements = 16384;  // elements a chunk

// Rows of 2F whose halves are joined into rows of F.
void check_halves(const char* op, const char* name, const Tensor& joined, const Tensor& x) {
  check_rank(op, "x", x, 2);
  check(x.dim(1) % 2 == 0, op, ": x ", x.shape(), " must have rows of even length");
  check_tensor(op, name, joined, Shape{x.dim(0), x.dim(1) / 2}, x.dtype());
  check_same_device(op, x, joined);
}

int64_t rows_a_chunk(int64_t F) {
  return std::max<int64_t>(1, kElements / std::max<int64_t>(1, F));
}

}  // namespace

void swiglu_forward(Tensor& y, const Tensor& x) {
  check_halves("swiglu_forward", "y", y, x);
  GPTE_DISPATCH_CPU("swiglu_forward", x.device(), swiglu_forward(y, x));
}

void swiglu_backward(Tensor& dx, const Tensor& dy, const Tensor& x) {
  check_halves("swiglu_backward", "dy", dy, x);
  check_tensor("swiglu_backward", "dx", dx, x.shape(), x.dtype());
  check_same_device("swiglu_backward", x, dx);
  GPTE_DISPATCH_CPU("swiglu_backward", x.device(), swiglu_backward(dx, dy, x));
}

namespace cpu {

void swiglu_forward(Tensor& y, const Tensor& x) {
  const int64_t F = y.dim(1);
  visit_float("swiglu_forward", x.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().activation.get<T>();
    parallel_for(y.dim(0), rows_a_chunk(F), [&](int64_t begin, int64_t end) {
      k.swiglu_forward(y.data<T>() + begin * F, x.data<T>() + begin * 2 * F, end - begin, F);
    });
  });
}

void swiglu_backward(Tensor& dx, const Tensor& dy, const Tensor& x) {
  const int64_t F = dy.dim(1);
  visit_float("swiglu_backward", x.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    const auto& k = kernels().activation.get<T>();
    parallel_for(dy.dim(0), rows_a_chunk(F), [&](int64_t begin, int64_t end) {
      k.swiglu_backward(dx.data<T>() + begin * 2 * F, dy.data<T>() + begin * F,
                        x.data<T>() + begin * 2 * F, end - begin, F);
    });
  });
}

}  // namespace cpu
}  // namespace gpte
