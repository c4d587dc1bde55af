#include "ops/cast.h"

#include "core/parallel.h"
#include "kernels/kernels.h"
#include "ops/checks.h"

namespace gpte {

void cast_forward(Tensor& y, const Tensor& x) {
  check_tensor("cast_forward", "x", x, x.shape(), x.dtype());
  check_tensor("cast_forward", "y", y, x.shape(), y.dtype());
  check_same_device("cast_forward", x, y);
  GPTE_DISPATCH_CPU("cast_forward", x.device(), cast_forward(y, x));
}

namespace cpu {

void cast_forward(Tensor& y, const Tensor& x) {
  constexpr int64_t kElements = 32768;  // elements a chunk
  visit_float("cast_forward", x.dtype(), [&](auto from) {
    using From = typename decltype(from)::type;
    const auto& k = kernels().elementwise.get<From>();
    visit_float("cast_forward", y.dtype(), [&](auto to) {
      using To = typename decltype(to)::type;
      parallel_for(x.numel(), kElements, [&](int64_t begin, int64_t end) {
        if constexpr (sizeof(To) == sizeof(float))
          k.to_f32(y.data<To>() + begin, x.data<From>() + begin, end - begin);
        else
          k.to_bf16(y.data<To>() + begin, x.data<From>() + begin, end - begin);
      });
    });
  });
}

}  // namespace cpu
}  // namespace gpte
