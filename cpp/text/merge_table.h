// The rank of every pair of tokens that may be joined, and what it is joined into.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "text/pair_map.h"

namespace gpte {

// One step of merging a piece, whose left token begins with that at place `at` before the first
// step; `id` is what it makes.
struct Join {
  uint32_t at, rank, id;
};

// Most questions are about pairs that are never joined. A bit for each of their hashes says so for
// nearly all of them, and the bits of a vocabulary of 32,768 are 64 KB, which stay near the core.
class MergeTable {
 public:
  static constexpr uint32_t kNone = ~0u;

  explicit MergeTable(size_t expected) : map_(expected) {
    for (size_t bits = 1 << 10; bits < 16 * expected; bits *= 2) --shift_;
    bits_.assign(size_t(1) << (64 - 6 - shift_), 0);
  }

  // Returns the rank that the pair already has, or gives it this one and returns it.
  uint32_t insert(uint32_t left, uint32_t right, uint32_t rank, uint32_t joined) {
    const uint32_t known = map_.insert(left, right, rank);
    if (known != rank) return known;
    const uint64_t hash = map_.hash(left, right);
    bits_[hash >> shift_ >> 6] |= uint64_t(1) << (hash >> shift_ & 63);
    if (joined_.size() <= rank) joined_.resize(size_t(rank) + 1);
    joined_[rank] = joined;
    return rank;
  }

  uint32_t rank(uint32_t left, uint32_t right) const {
    const uint64_t hash = map_.hash(left, right);
    const bool possible = bits_[hash >> shift_ >> 6] >> (hash >> shift_ & 63) & 1;
    return possible ? map_.find(left, right) : kNone;
  }
  // Above all ranks.
  uint32_t ranks() const { return uint32_t(joined_.size()); }
  uint32_t joined(uint32_t rank) const { return joined_[rank]; }

 private:
  int shift_ = 64 - 10;
  std::vector<uint64_t> bits_;
  PairMap map_;
  std::vector<uint32_t> joined_;  // by rank
};

}  // namespace gpte
