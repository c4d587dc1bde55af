// What layer_norm and rms_norm check alike, and how both cut their work.
#pragma once

#include <initializer_list>

#include "ops/checks.h"

namespace gpte {

constexpr int64_t kNormRows = 32;     // rows a chunk
constexpr int64_t kNormColumns = 64;  // columns a chunk of the weight gradient

struct Named {
  const char* name;
  const Tensor* tensor;
};

inline void check_norm(const char* op, const Tensor& x, const Tensor& w,
                       std::initializer_list<Named> like_x,
                       std::initializer_list<Named> row_statistics) {
  check(x.shape().rank() >= 1 && x.numel() > 0, op, ": x ", x.shape(), " must not be empty");
  for (const Named& t : like_x) {
    check(t.tensor->shape() == x.shape(), op, ": ", t.name, " ", t.tensor->shape(),
          " must match x ", x.shape());
    check(t.tensor->dtype() == x.dtype(), op, ": ", t.name, " dtype ", t.tensor->dtype(),
          " must match x dtype ", x.dtype());
    check_same_device(op, x, *t.tensor);
  }
  check_tensor(op, "w", w, {x.dim(-1)}, DType::f32);
  check_same_device(op, x, w);
  for (const Named& t : row_statistics) {
    check_tensor(op, t.name, *t.tensor, {x.numel() / x.dim(-1)}, DType::f32);
    check_same_device(op, x, *t.tensor);
  }
}

}  // namespace gpte
