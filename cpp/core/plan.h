// One allocation for a struct of tensors: the struct lists its tensors once in `visit`, and that
// list sizes the arena, names the checkpoint entries and walks the optimizer.
#pragma once

#include "core/tensor.h"

namespace gpte {

// Tensors start at multiples of 32 elements, so that an element lies at the same index in arenas of
// every type.
constexpr int64_t kPlanElements = 32;

// s.visit(f) calls f(name, tensor, shape, dtype) for each tensor, always in the same order.
template <class S>
int64_t planned_bytes(S& s) {
  int64_t total = 0;
  s.visit([&](const auto&, Tensor&, const Shape& shape, DType dtype) {
    total += round_up(shape.numel(), kPlanElements) * size_of(dtype);
  });
  return total;
}

// Lays every tensor of s end to end, each 64-byte aligned (one-byte types apart), into one new
// buffer and returns the buffer.
template <class S>
Tensor allocate_together(S& s, Device device = Device::cpu) {
  Tensor arena(Shape{planned_bytes(s)}, DType::u8, device);
  int64_t offset = 0;
  s.visit([&](const auto&, Tensor& t, const Shape& shape, DType dtype) {
    t = Tensor(static_cast<char*>(arena.raw()) + offset, shape, dtype, device, arena.owner());
    offset += round_up(shape.numel(), kPlanElements) * size_of(dtype);
  });
  return arena;
}

}  // namespace gpte
