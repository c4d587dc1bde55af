// A hash map from a pair of token ids to a 32-bit number, open-addressed in one flat array.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "text/hash_bytes.h"

namespace gpte {

class PairMap {
 public:
  static constexpr uint32_t kNone = ~0u;

  explicit PairMap(size_t expected = 0) {
    size_t size = 64;
    for (; size < expected * 2; size *= 2) --shift_;
    slots_.assign(size, Slot{});
  }

  uint64_t hash(uint32_t left, uint32_t right) const { return key(left, right) * factor_; }

  // The number stored for (left, right), or kNone.
  uint32_t find(uint32_t left, uint32_t right) const {
    return slots_[place(key(left, right))].value;
  }

  // The number stored for (left, right); stores value first if there is none.
  uint32_t insert(uint32_t left, uint32_t right, uint32_t value) {
    if (used_ * 2 >= slots_.size()) grow();
    Slot& slot = slots_[place(key(left, right))];
    if (slot.value == kNone) {
      slot = {key(left, right), value};
      ++used_;
    }
    return slot.value;
  }

 private:
  struct Slot {
    uint64_t key = 0;
    uint32_t value = kNone;  // kNone marks an empty slot
  };

  static uint64_t key(uint32_t left, uint32_t right) { return uint64_t(left) << 32 | right; }

  // Multiply-shift (Dietzfelbinger et al., 1997) by a drawn odd number: of any two pairs few
  // numbers make neighbours. Only the top bits depend on all of the key.
  size_t place_of(uint64_t key) const { return size_t(key * factor_ >> shift_); }

  size_t place(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t i = place_of(key);
    while (slots_[i].value != kNone && slots_[i].key != key) i = (i + 1) & mask;
    return i;
  }

  void grow() {
    const std::vector<Slot> old = std::move(slots_);
    slots_.assign(old.size() * 2, Slot{});
    --shift_;
    for (const Slot& slot : old) {
      if (slot.value != kNone) slots_[place(slot.key)] = slot;
    }
  }

  uint64_t factor_ = process_seeds().first | 1;
  int shift_ = 64 - 6;  // size 64
  std::vector<Slot> slots_;
  size_t used_ = 0;
};

}  // namespace gpte
