// float16 storage, as ggml's scales have it.
#pragma once

#include <cstdint>
#include <cstring>

namespace gpte {

// Rounds to nearest, ties to even. |value| must be below 65,520 and not NaN.
inline uint16_t to_half(float value) {
  uint32_t u;
  std::memcpy(&u, &value, 4);
  const auto sign = uint16_t(u >> 16 & 0x8000);
  u &= 0x7fffffff;
  if (u < 0x38800000) {  // subnormal: a sum with 1/2 leaves the bits of a multiple of 2^-24
    float f;
    std::memcpy(&f, &u, 4);
    f += 0.5f;
    std::memcpy(&u, &f, 4);
    return uint16_t(sign | uint16_t(u - 0x3f000000));
  }
  return uint16_t(sign | uint16_t((u - 0x38000000 + 0xfff + (u >> 13 & 1)) >> 13));
}

// Of every finite float16.
inline float from_half(uint16_t half) {
  const uint32_t u = uint32_t(half & 0x7fff) << 13;
  float value;
  std::memcpy(&value, &u, 4);
  value *= 0x1p112f;  // moves the exponent's bias, also of subnormals
  return half & 0x8000 ? -value : value;
}

}  // namespace gpte
