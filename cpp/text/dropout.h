// How many possible joins BPE-dropout leaves out before the one that it does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/random.h"

namespace gpte {

// In each step every possible join is left out with the probability `dropout`, and the best of the
// others is done. So of the joins in their order, k come before that one with the probability
// dropout^k (1 - dropout): one draw decides a step, however many joins there are.
class Dropout {
 public:
  explicit Dropout(double dropout) {
    for (double& power : powers_) {
      power = dropout;
      dropout *= dropout;
    }
  }

  // The largest k with dropout^k above a number drawn from [0, 1). Where that is no less than there
  // are joins, all of them were left out.
  uint64_t left_out(const Philox& drawn) const {
    const uint64_t bits = uint64_t(drawn.v[0]) << 32 | drawn.v[1];
    const double share = double(bits >> 11) * 0x1p-53;
    if (share >= powers_[0]) return 0;
    uint64_t k = 0;
    double reached = 1;
    for (int i = kPowers - 1; i >= 0; --i) {
      if (reached * powers_[size_t(i)] <= share) continue;
      reached *= powers_[size_t(i)];
      k += uint64_t(1) << i;
    }
    return k;
  }

 private:
  static constexpr int kPowers = 33;  // 2^33 joins are more than a piece has

  std::array<double, kPowers> powers_;  // dropout^(2^i): by products alone, so the same everywhere
};

}  // namespace gpte
