#include "ops/square_sum.h"

#include "core/parallel.h"
#include "core/scratch.h"
#include "kernels/kernels.h"
#include "ops/checks.h"

namespace gpte {

void square_sum(double& sum, const Tensor& x) {
  check_tensor("square_sum", "x", x, x.shape(), DType::f32);
  GPTE_DISPATCH_CPU("square_sum", x.device(), square_sum(sum, x));
}

namespace cpu {

void square_sum(double& sum, const Tensor& x) {
  constexpr int64_t kBlock = 32768;  // elements of a partial sum
  double* partial = scratch<double>(Scratch::reduce, (x.numel() + kBlock - 1) / kBlock);
  parallel_for(x.numel(), kBlock, [&](int64_t begin, int64_t end) {
    partial[begin / kBlock] = kernels().optimizer->square_sum(x.data<float>() + begin, end - begin);
  });
  sum = 0;
  for (int64_t begin = 0; begin < x.numel(); begin += kBlock) sum += partial[begin / kBlock];
}

}  // namespace cpu
}  // namespace gpte
