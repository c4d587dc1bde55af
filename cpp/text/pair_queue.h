// The pairs of a long piece that may be joined, the one of the lowest rank first and of equal ranks
// the leftmost.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/memory.h"

namespace gpte {

// A heap of the smallest number whose nodes have four children: half the levels of a binary
// heap, each of which misses the cache in a long piece. Huge pages spare the lookups of addresses.
class WideHeap {
 public:
  explicit WideHeap(int64_t capacity)
      : memory_(allocate(capacity * int64_t(sizeof(uint64_t)))),
        keys_(static_cast<uint64_t*>(memory_.get())) {}

  bool empty() const { return size_ == 0; }
  uint64_t top() const { return keys_[0]; }

  void push(uint64_t key) {
    size_t i = size_++;
    for (; i > 0 && key < keys_[(i - 1) / kWide]; i = (i - 1) / kWide) {
      keys_[i] = keys_[(i - 1) / kWide];
    }
    keys_[i] = key;
  }

  uint64_t pop() {
    const uint64_t top = keys_[0], key = keys_[--size_];
    if (size_ == 0) return top;
    size_t i = 0;
    for (size_t child; (child = kWide * i + 1) < size_;) {
      const size_t end = std::min(child + kWide, size_);
      size_t least = child;
      for (++child; child < end; ++child) {
        if (keys_[child] < keys_[least]) least = child;
      }
      if (keys_[least] >= key) break;
      keys_[i] = keys_[least];
      i = least;
    }
    keys_[i] = key;
    return top;
  }

 private:
  static constexpr size_t kWide = 4;
  std::shared_ptr<void> memory_;
  uint64_t* keys_;
  size_t size_ = 0;
};

// A heap of a long piece does not fit the cache, and each step of it waits for memory. But the
// pairs that a join makes nearly always have a higher rank than it has: so the pairs of a rank are
// a list of places, written and read in order, and the heap has only those that come too late for
// theirs. In a piece that is too short for the lists of all ranks to pay it has all. O(n log n)
// either way.
class PairQueue {
 public:
  struct Pair {
    uint32_t rank, at;
  };

  // For at most so many pairs, of ranks below `ranks`.
  PairQueue(int64_t pairs, uint32_t ranks) : late_(pairs), begun_(ranks) {
    if (pairs < ranks / kRanksPerPair) return;
    lists_.assign(ranks, kNone);
    begun_ = -1;
  }

  void push(Pair pair) {
    if (int64_t(pair.rank) <= begun_) {
      late_.push(key_of(pair));
      return;
    }
    uint32_t& last = lists_[pair.rank];
    if (last == kNone || blocks_[last].size == kPlaces) last = new_block(last);
    Block& block = blocks_[last];
    block.places[block.size++] = pair.at;
  }

  // Returns whether there was one.
  bool pop(Pair& pair) {
    while (late_.empty() && next_ == places_.size()) {
      if (begun_ + 1 >= int64_t(lists_.size())) return false;
      begin(lists_[size_t(++begun_)]);
    }
    if (next_ < places_.size()) {
      pair = {uint32_t(begun_), places_[next_]};
      if (late_.empty() || key_of(pair) < late_.top()) {
        ++next_;
        return true;
      }
    }
    const uint64_t key = late_.pop();
    pair = {uint32_t(key >> 32), uint32_t(key)};
    return true;
  }

 private:
  static constexpr uint32_t kNone = ~0u;
  static constexpr uint32_t kRanksPerPair = 4;
  static constexpr uint32_t kPlaces = 14;
  struct alignas(64) Block {
    uint32_t before, size;  // before: the block before it in its list
    uint32_t places[kPlaces];
  };

  static uint64_t key_of(Pair pair) { return uint64_t(pair.rank) << 32 | pair.at; }

  uint32_t new_block(uint32_t before) {
    uint32_t block = free_;
    if (block == kNone) {
      block = uint32_t(blocks_.size());
      blocks_.emplace_back();
    } else {
      free_ = blocks_[block].before;
    }
    blocks_[block].before = before;
    blocks_[block].size = 0;
    return block;
  }

  // Takes the places of a list, from left to right, and frees its blocks.
  void begin(uint32_t last) {
    places_.clear();
    next_ = 0;
    while (last != kNone) {
      Block& block = blocks_[last];
      while (block.size > 0) places_.push_back(block.places[--block.size]);
      std::swap(block.before, free_);
      std::swap(free_, last);
    }
    std::reverse(places_.begin(), places_.end());
    if (!std::is_sorted(places_.begin(), places_.end())) std::sort(places_.begin(), places_.end());
  }

  WideHeap late_;
  int64_t begun_;                // the rank whose places are read; without lists, above all
  std::vector<uint32_t> lists_;  // the last block of each rank
  std::vector<Block> blocks_;
  uint32_t free_ = kNone;  // a block that was read, and by `before` the others
  std::vector<uint32_t> places_;
  size_t next_ = 0;  // of the places
};

}  // namespace gpte
