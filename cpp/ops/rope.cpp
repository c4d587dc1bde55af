#include "ops/rope.h"

#include "core/parallel.h"
#include "kernels/kernels.h"
#include "ops/checks.h"

namespace gpte {
namespace {

constexpr int64_t kRows = 16;  // rows a chunk

void check_rope(const char* op, const Tensor& x, const Tensor& positions, const Tensor& cos,
                const Tensor& sin, int64_t heads, int64_t kv_heads) {
  check_rank(op, "x", x, 2);
  check_rank(op, "cos", cos, 2);
  check(heads >= 0 && kv_heads >= 0, op, ": heads ", heads, " and kv_heads ", kv_heads,
        " must not be negative");
  const int64_t row = (heads + 2 * kv_heads) * 2 * cos.dim(1);
  check_tensor(op, "x", x, Shape{x.dim(0), row}, x.dtype());
  check_tensor(op, "positions", positions, Shape{x.dim(0)}, DType::i32);
  check_tensor(op, "cos", cos, cos.shape(), DType::f32);
  check_tensor(op, "sin", sin, cos.shape(), DType::f32);
  check_same_device(op, x, positions, cos, sin);
}

}  // namespace

void rope_forward(Tensor& x, const Tensor& positions, const Tensor& cos, const Tensor& sin,
                  int64_t heads, int64_t kv_heads) {
  check_rope("rope_forward", x, positions, cos, sin, heads, kv_heads);
  GPTE_DISPATCH_CPU("rope_forward", x.device(),
                    rope_forward(x, positions, cos, sin, heads, kv_heads));
}

void rope_backward(Tensor& dx, const Tensor& positions, const Tensor& cos, const Tensor& sin,
                   int64_t heads, int64_t kv_heads) {
  check_rope("rope_backward", dx, positions, cos, sin, heads, kv_heads);
  GPTE_DISPATCH_CPU("rope_backward", dx.device(),
                    rope_backward(dx, positions, cos, sin, heads, kv_heads));
}

namespace cpu {
namespace {

void rotate(const char* op, Tensor& x, const Tensor& positions, const Tensor& cos,
            const Tensor& sin, int64_t heads, float sign) {
  check_indices(op, "positions", positions, cos.dim(0));
  const int64_t row = x.dim(1);
  visit_float(op, x.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    parallel_for(x.dim(0), kRows, [&](int64_t begin, int64_t end) {
      kernels().rope.get<T>().rotate(x.data<T>() + begin * row, positions.data<int32_t>() + begin,
                                     cos.data<float>(), sin.data<float>(), end - begin, row, heads,
                                     cos.dim(1), sign);
    });
  });
}

}  // namespace

void rope_forward(Tensor& x, const Tensor& positions, const Tensor& cos, const Tensor& sin,
                  int64_t heads, int64_t kv_heads) {
  rotate("rope_forward", x, positions, cos, sin, heads + kv_heads, 1);
}

void rope_backward(Tensor& dx, const Tensor& positions, const Tensor& cos, const Tensor& sin,
                   int64_t heads, int64_t kv_heads) {
  rotate("rope_backward", dx, positions, cos, sin, heads + kv_heads, -1);
}

}  // namespace cpu
}  // namespace gpte
