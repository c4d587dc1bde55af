// A fast hash of a few bytes; not one that withstands an attacker, so tables bound their probes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace gpte {

// Both halves of a 64 x 64 bit product, folded.
inline uint64_t mix(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD6E8FEB86659FD93u);
  return uint64_t(product) ^ uint64_t(product >> 64);
}

inline uint64_t hash_bytes(const uint8_t* p, size_t length) {
  uint64_t hash = length * 0xA0761D6478BD642Fu, word;
  for (; length > 8; p += 8, length -= 8) {
    std::memcpy(&word, p, 8);
    hash = mix(hash, word);
  }
  word = 0;
  std::memcpy(&word, p, length);
  return mix(hash, word);
}

}  // namespace gpte
