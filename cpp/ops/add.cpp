#include "ops/add.h"

#include "core/parallel.h"
#include "kernels/kernels.h"
#include "ops/checks.h"

namespace gpte {

void add(Tensor& y, const Tensor& x) {
  check_tensor("add", "y", y, y.shape(), y.dtype());
  check_tensor("add", "x", x, y.shape(), y.dtype());
  check_same_device("add", y, x);
  GPTE_DISPATCH_CPU("add", y.device(), add(y, x));
}

namespace cpu {

void add(Tensor& y, const Tensor& x) {
  constexpr int64_t kElements = 32768;  // elements a chunk
  visit_float("add", y.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    parallel_for(y.numel(), kElements, [&](int64_t begin, int64_t end) {
      kernels().elementwise.get<T>().add(y.data<T>() + begin, x.data<T>() + begin, end - begin);
    });
  });
}

}  // namespace cpu
}  // namespace gpte
