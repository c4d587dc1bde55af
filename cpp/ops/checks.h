// What operators check of a tensor: the message names the operator, the argument and both values.
#pragma once

#include "core/tensor.h"

namespace gpte {

inline void check_tensor(const char* op, const char* name, const Tensor& t, const Shape& shape,
                         DType dtype) {
  check(t.shape() == shape, op, ": ", name, " ", t.shape(), " must be ", shape);
  check(t.dtype() == dtype, op, ": ", name, " dtype ", t.dtype(), " must be ", dtype);
}

// An argument that may be absent.
inline void check_optional(const char* op, const char* name, const Tensor& t, const Shape& shape,
                           DType dtype) {
  if (t.defined()) check_tensor(op, name, t, shape, dtype);
}

inline void check_rank(const char* op, const char* name, const Tensor& t, int rank) {
  check(t.shape().rank() == rank, op, ": ", name, " ", t.shape(), " must have ", rank,
        rank == 1 ? " axis" : " axes");
}

// Every index must lie in [0, limit).
inline void check_indices(const char* op, const char* name, const Tensor& indices, int64_t limit) {
  const int32_t* p = indices.data<int32_t>();
  for (int64_t n = 0; n < indices.numel(); ++n)
    check(p[n] >= 0 && p[n] < limit, op, ": ", name, "[", n, "] = ", p[n], " must be in [0, ",
          limit, ")");
}

}  // namespace gpte
