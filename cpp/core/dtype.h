// Element types of tensors, and the step from a run-time type to a compile-time one.
#pragma once

#include <cstdint>
#include <ostream>

#include "core/bf16.h"
#include "core/check.h"

namespace gpte {

enum class DType : uint8_t { f32, bf16, i32, i64, u8 };

inline int64_t size_of(DType t) {
  switch (t) {
    case DType::f32:
      return 4;
    case DType::bf16:
      return 2;
    case DType::i32:
      return 4;
    case DType::i64:
      return 8;
    case DType::u8:
      return 1;
  }
  return 0;
}

inline const char* name_of(DType t) {
  switch (t) {
    case DType::f32:
      return "float32";
    case DType::bf16:
      return "bfloat16";
    case DType::i32:
      return "int32";
    case DType::i64:
      return "int64";
    case DType::u8:
      return "uint8";
  }
  return "?";
}

inline std::ostream& operator<<(std::ostream& out, DType t) {
  return out << name_of(t);
}

template <class T>
struct dtype_of;
template <>
struct dtype_of<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct dtype_of<bf16> {
  static constexpr DType value = DType::bf16;
};
template <>
struct dtype_of<int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct dtype_of<int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct dtype_of<uint8_t> {
  static constexpr DType value = DType::u8;
};

template <class T>
struct Type {
  using type = T;
};

// Calls f(Type<T>{}) with T = float or bf16.
template <class F>
void visit_float(const char* op, DType t, F&& f) {
  if (t == DType::f32) return f(Type<float>{});
  if (t == DType::bf16) return f(Type<bf16>{});
  fail(op, ": dtype ", t, " must be float32 or bfloat16");
}

}  // namespace gpte
