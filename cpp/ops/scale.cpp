#include "ops/scale.h"

#include "core/parallel.h"
#include "kernels/kernels.h"
#include "ops/checks.h"

namespace gpte {

void scale(Tensor& y, float factor) {
  check_tensor("scale", "y", y, y.shape(), y.dtype());
  GPTE_DISPATCH_CPU("scale", y.device(), scale(y, factor));
}

namespace cpu {

void scale(Tensor& y, float factor) {
  constexpr int64_t kElements = 32768;  // elements a chunk
  visit_float("scale", y.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    parallel_for(y.numel(), kElements, [&](int64_t begin, int64_t end) {
      kernels().elementwise.get<T>().scale(y.data<T>() + begin, factor, end - begin);
    });
  });
}

}  // namespace cpu
}  // namespace gpte
