// Finds a token by its bytes: a flat hash table of ids over the vocabulary's own strings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "text/hash_bytes.h"

namespace gpte {

class TokenMap {
 public:
  static constexpr uint32_t kNone = ~0u;

  // The tokens must outlive the map and must not move.
  explicit TokenMap(const std::vector<std::string>& tokens) : tokens_(tokens) {
    size_t size = 64;
    while (size < tokens.size() * 2) size *= 2;
    slots_.assign(size, Slot{});
  }

  // Returns the id that already stands for these bytes, or adds this one and returns it.
  uint32_t insert(uint32_t id) {
    const std::string& token = tokens_[id];
    const uint64_t hash = hash_of(bytes(token), token.size());
    Slot& slot = slots_[place(hash, bytes(token), token.size())];
    if (slot.id == kNone) slot = {uint32_t(hash >> 32), id};
    return slot.id;
  }

  uint32_t find(std::string_view token) const {
    return find(reinterpret_cast<const uint8_t*>(token.data()), token.size());
  }
  uint32_t find(const uint8_t* p, size_t length) const {
    return slots_[place(hash_of(p, length), p, length)].id;
  }

 private:
  struct Slot {
    uint32_t tag = 0;  // upper half of the hash, so that few others' bytes are looked at
    uint32_t id = kNone;
  };

  static const uint8_t* bytes(const std::string& s) {
    return reinterpret_cast<const uint8_t*>(s.data());
  }

  static uint64_t hash_of(const uint8_t* p, size_t length) {
    return hash_bytes(p, length, process_seeds());
  }

  size_t place(uint64_t hash, const uint8_t* p, size_t length) const {
    const size_t mask = slots_.size() - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
      const Slot& slot = slots_[i];
      if (slot.id == kNone) return i;
      if (slot.tag != uint32_t(hash >> 32)) continue;
      const std::string& token = tokens_[slot.id];
      if (token.size() == length && std::memcmp(token.data(), p, length) == 0) return i;
    }
  }

  const std::vector<std::string>& tokens_;
  std::vector<Slot> slots_;
};

}  // namespace gpte
