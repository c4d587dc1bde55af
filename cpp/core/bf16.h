// bfloat16 storage: the upper half of a float32. Included by kernels, so it uses C headers only and
// every function is forced inline: no instruction-set specific copy may leak out of its object.
#pragma once

#include <stdint.h>
#include <string.h>

#define GPTE_INLINE inline __attribute__((always_inline))

namespace gpte {

struct bf16 {
  uint16_t bits;

  bf16() = default;
  // Rounds to nearest, ties to even; NaN stays NaN.
  GPTE_INLINE explicit bf16(float value) {
    uint32_t u;
    memcpy(&u, &value, 4);
    const uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    bits = (u & 0x7fffffffu) > 0x7f800000u ? uint16_t((u >> 16) | 0x40u) : uint16_t(rounded);
  }
  GPTE_INLINE explicit operator float() const {
    const uint32_t u = uint32_t(bits) << 16;
    float value;
    memcpy(&value, &u, 4);
    return value;
  }
};

}  // namespace gpte
