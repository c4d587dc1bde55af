// Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): random
// numbers as a pure function of (seed, stream, index), so that no thread, rank or resume changes a
// draw.
#pragma once

#include <cmath>
#include <cstdint>

namespace gpte {

// What random numbers are for: uses that share a seed share no number.
enum class Draw : uint64_t { dropout = 0, weights = 1, sampling = 2, speculation = 3 };

// The stream `number` (below 2^56: a tensor, a sample) of a use.
constexpr uint64_t stream_of(Draw use, uint64_t number) {
  return uint64_t(use) << 56 | number;
}

struct Philox {
  uint32_t v[4];

  Philox(uint64_t seed, uint64_t stream, uint64_t index) {
    uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
    v[0] = uint32_t(index), v[1] = uint32_t(index >> 32);
    v[2] = uint32_t(stream), v[3] = uint32_t(stream >> 32);
    for (int round = 0; round < 10; ++round) {
      const uint64_t a = uint64_t(0xD2511F53u) * v[0], b = uint64_t(0xCD9E8D57u) * v[2];
      const uint32_t n0 = uint32_t(b >> 32) ^ v[1] ^ k0, n2 = uint32_t(a >> 32) ^ v[3] ^ k1;
      v[0] = n0, v[1] = uint32_t(b), v[2] = n2, v[3] = uint32_t(a);
      k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
  }
  // In [0, 1), 24 bits.
  float uniform(int i) const { return float(v[i] >> 8) * 0x1p-24f; }
};

// A standard normal by Box-Muller in double: the value at `index` of the stream.
inline float normal(uint64_t seed, uint64_t stream, uint64_t index) {
  const Philox p(seed, stream, index);
  const double u = (double(p.v[0]) + 1) * 0x1p-32, angle = double(p.v[1]) * 0x1p-32;
  return float(std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * angle));
}

}  // namespace gpte
