// A fast hash of a few bytes. Without seeds of its own it does not withstand an attacker: such
// tables bound their probes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>

namespace gpte {

// Both halves of a 64 x 64 bit product, folded.
inline uint64_t mix(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD6E8FEB86659FD93u);
  return uint64_t(product) ^ uint64_t(product >> 64);
}

struct HashSeeds {
  uint64_t first = 0, second = 0;
};

// Of this process, which nobody knows beforehand: no text and no vocabulary can be made to collide.
inline const HashSeeds& process_seeds() {
  static const HashSeeds drawn = [] {
    std::random_device device;
    const auto draw = [&] { return uint64_t(device()) << 32 | device(); };
    return HashSeeds{draw(), draw()};
  }();
  return drawn;
}

inline uint64_t hash_bytes(const uint8_t* p, size_t length, const HashSeeds& seeds = {}) {
  uint64_t hash = length * 0xA0761D6478BD642Fu ^ seeds.first, word;
  for (; length > 8; p += 8, length -= 8) {
    std::memcpy(&word, p, 8);
    hash = mix(hash, word ^ seeds.second);
  }
  word = 0;
  std::memcpy(&word, p, length);
  return mix(hash, word ^ seeds.second);
}

}  // namespace gpte
