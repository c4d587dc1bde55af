// A hash map from a pair of token ids to a 32-bit number, open-addressed in one flat array.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace gpte {

class PairMap {
 public:
  static constexpr uint32_t kNone = ~0u;

  explicit PairMap(size_t expected = 0) {
    size_t size = 64;
    while (size < expected * 2) size *= 2;
    slots_.assign(size, Slot{});
  }

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

  size_t place(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t i = (key * 0x9E3779B97F4A7C15u >> 29) & mask;
    while (slots_[i].value != kNone && slots_[i].key != key) i = (i + 1) & mask;
    return i;
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.value != kNone) slots_[place(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;
  size_t used_ = 0;
};

}  // namespace gpte
