// Numbers for hashes of words, in the order of their first use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/hash_bytes.h"

namespace gpte {

class WordIds {
 public:
  explicit WordIds(size_t expected = 0) {
    while (slots_.size() < 2 * expected) resize();
  }

  uint32_t size() const { return used_; }

  // A hash that is new gets the number size().
  uint32_t add(uint64_t hash) {
    Slot* slot = &slots_[find_slot(hash)];
    if (slot->id != 0) return slot->id - 1;
    if (2 * (size_t(used_) + 1) > slots_.size()) {
      resize();
      slot = &slots_[find_slot(hash)];
    }
    *slot = {hash, ++used_};
    return used_ - 1;
  }

  // The number of a hash, or size() if it has none.
  uint32_t find(uint64_t hash) const {
    const uint32_t id = slots_[find_slot(hash)].id;
    return id == 0 ? used_ : id - 1;
  }

 private:
  struct Slot {
    uint64_t hash;
    uint32_t id;  // from 1 on; 0 is free
  };

  // A multiplier that nobody knows keeps words that were chosen to collide from sharing places.
  size_t find_slot(uint64_t hash) const {
    const size_t mask = slots_.size() - 1;
    size_t at = hash * multiplier_ >> shift_;
    while (slots_[at].id != 0 && slots_[at].hash != hash) at = (at + 1) & mask;
    return at;
  }
  void resize() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    --shift_;
    for (const Slot& slot : old) {
      if (slot.id != 0) slots_[find_slot(slot.hash)] = slot;
    }
  }

  const uint64_t multiplier_ = process_seeds().first | 1;
  int shift_ = 60;  // 64 less the bits of a place
  std::vector<Slot> slots_ = std::vector<Slot>(16);
  uint32_t used_ = 0;
};

}  // namespace gpte
