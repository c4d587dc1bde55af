// The rank of every pair of tokens that may be joined, and what it is joined into.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/memory.h"
#include "text/pair_map.h"

namespace gpte {

// One step of merging a piece, whose left token begins with that at place `at` before the first
// step; `id` is what it makes.
struct Join {
  uint32_t at, rank, id;
};

// Most questions are about the first, most frequent tokens: pairs of those have a dense grid, at
// most 4 MB, beside the hash table of all.
class MergeTable {
 public:
  static constexpr uint32_t kNone = ~0u;

  MergeTable(size_t expected, size_t vocab_size) : map_(expected) {
    while (side_ < kLargestSide && side_ < vocab_size) side_ *= 2;
    grid_memory_ = allocate(int64_t(side_) * side_ * int64_t(sizeof(uint32_t)));
    grid_ = static_cast<uint32_t*>(grid_memory_.get());
  }

  // Returns the rank that the pair already has, or gives it this one and returns it.
  uint32_t insert(uint32_t left, uint32_t right, uint32_t rank, uint32_t joined) {
    const uint32_t known = map_.insert(left, right, rank);
    if (known != rank) return known;
    if ((left | right) < side_) grid_[left * side_ + right] = rank + 1;
    if (joined_.size() <= rank) joined_.resize(size_t(rank) + 1);
    joined_[rank] = joined;
    return rank;
  }

  uint32_t rank(uint32_t left, uint32_t right) const {
    if ((left | right) < side_) return grid_[left * side_ + right] - 1;
    return map_.find(left, right);
  }
  // Above all ranks.
  uint32_t ranks() const { return uint32_t(joined_.size()); }
  uint32_t joined(uint32_t rank) const { return joined_[rank]; }

 private:
  static constexpr uint32_t kLargestSide = 1024;
  uint32_t side_ = 256;  // a power of two
  std::shared_ptr<void> grid_memory_;
  uint32_t* grid_;  // rank + 1, so that fresh pages mean "none"
  PairMap map_;
  std::vector<uint32_t> joined_;  // by rank
};

}  // namespace gpte
