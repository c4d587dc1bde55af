// What operators check of a tensor: the message names the operator, the argument and both values.
#pragma once

#include "core/tensor.h"

namespace gpte {

inline void check_tensor(const char* op, const char* name, const Tensor& t, const Shape& shape,
                         DType dtype) {
  check(t.defined(), op, ": ", name, " is required");
  check(t.shape() == shape, op, ": ", name, " ", t.shape(), " must be ", shape);
  check(t.dtype() == dtype, op, ": ", name, " dtype ", t.dtype(), " must be ", dtype);
}

// An argument that may be absent.
inline void check_optional(const char* op, const char* name, const Tensor& t, const Shape& shape,
                           DType dtype) {
  if (t.defined()) check_tensor(op, name, t, shape, dtype);
}

inline void check_rank(const char* op, const char* name, const Tensor& t, int rank) {
  check(t.defined(), op, ": ", name, " is required");
  check(t.shape().rank() == rank, op, ": ", name, " ", t.shape(), " must have ", rank,
        rank == 1 ? " axis" : " axes");
}

inline void check_matrix(const char* op, const char* name, const Tensor& t) {
  check_rank(op, name, t, 2);
  check(t.numel() > 0, op, ": ", name, " ", t.shape(), " must not be empty");
}

// Boundaries (B + 1) i32 of the segments of N tokens, in memory that the CPU reads.
inline void check_boundaries(const char* op, const Tensor& segments, int64_t N) {
  const int64_t B = segments.numel() - 1;
  const int32_t* at = segments.data<int32_t>();
  check(at[0] == 0, op, ": segments must start at 0, not ", at[0]);
  for (int64_t b = 0; b < B; ++b)
    check(at[b] <= at[b + 1], op, ": segments[", b + 1, "] = ", at[b + 1],
          " must not be below segments[", b, "] = ", at[b]);
  check(at[B] == N, op, ": segments must end at ", N, ", not ", at[B]);
}

inline void check_segments(const char* op, const Tensor& segments, int64_t N) {
  check(segments.shape().rank() == 1 && segments.dim(0) >= 1 && segments.dtype() == DType::i32, op,
        ": segments ", segments.shape(), " ", segments.dtype(), " must be (B + 1,) int32");
  if (segments.device() == Device::cpu) check_boundaries(op, segments, N);
}

// Every index must lie in [0, limit).
inline void check_indices(const char* op, const char* name, const Tensor& indices, int64_t limit) {
  const int32_t* p = indices.data<int32_t>();
  for (int64_t n = 0; n < indices.numel(); ++n)
    check(p[n] >= 0 && p[n] < limit, op, ": ", name, "[", n, "] = ", p[n], " must be in [0, ",
          limit, ")");
}

}  // namespace gpte
