// One allocation for a struct of tensors: the struct lists its tensors once in `visit`, and that
// list sizes the arena, names the checkpoint entries and walks the optimizer.
#pragma once

#include "core/tensor.h"

namespace gpte {

// Tensors start at multiples of 32 elements, so that an element lies at the same index in arenas of
// every type.
constexpr int64_t kPlanElements = 32;

constexpr int64_t kMostPlannedBytes = Shape::kMostElements;  // an arena is a tensor of bytes

// s.visit(f) calls f(name, tensor, shape, dtype) for each tensor, always in the same order.
template <class S>
int64_t planned_bytes(S& s) {
  int64_t total = 0;
  s.visit([&](const auto&, Tensor&, const Shape& shape, DType dtype) {
    const int64_t bytes = round_up(shape.numel(), kPlanElements) * size_of(dtype);
    check(bytes <= kMostPlannedBytes - total, "plan: a tensor ", shape, " of ", bytes,
          " bytes beside ", total, " others is more than 2^59 bytes");
    total += bytes;
  });
  return total;
}

// Lays every tensor of s end to end, each 64-byte aligned (one-byte types apart), into a buffer of
// at least planned_bytes(s).
template <class S>
void lay_out(S& s, const Tensor& buffer) {
  char* at = static_cast<char*>(const_cast<void*>(buffer.raw()));
  s.visit([&](const auto&, Tensor& t, const Shape& shape, DType dtype) {
    t = Tensor(at, shape, dtype, buffer.device(), buffer.owner());
    at += round_up(shape.numel(), kPlanElements) * size_of(dtype);
  });
}

// The same into one new buffer, which is returned.
template <class S>
Tensor allocate_together(S& s, Device device = Device::cpu) {
  Tensor arena(Shape{planned_bytes(s)}, DType::u8, device);
  lay_out(s, arena);
  return arena;
}

}  // namespace gpte
