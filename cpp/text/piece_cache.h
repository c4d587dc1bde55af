// Remembers the tokens of short pieces of text: real text repeats almost all of its pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace gpte {

// Direct-mapped, so a new piece replaces an old one and the size is bounded: 2 MB.
class PieceCache {
 public:
  static constexpr int kMaxBytes = 15, kMaxTokens = 11;

  // A piece's bytes and their number in 128 bits.
  struct Key {
    uint64_t low, high;
  };

  struct alignas(64) Entry {  // one cache line
    Key key{0, 0};            // no piece has the empty key
    uint32_t count = 0;
    uint32_t ids[kMaxTokens];
  };

  PieceCache() : entries_(size_t{1} << kBits) {}

  static Key key(const uint8_t* p, int64_t length) {
    uint8_t bytes[16] = {};
    std::memcpy(bytes, p, size_t(length));
    bytes[15] = uint8_t(length);
    Key k;
    std::memcpy(&k, bytes, sizeof k);
    return k;
  }

  // Where the piece is or belongs.
  Entry& slot(const Key& key) {
    const uint64_t mixed = (key.low ^ (key.high * 0xD6E8FEB86659FD93u)) * 0x9E3779B97F4A7C15u;
    return entries_[mixed >> (64 - kBits)];
  }

 private:
  static constexpr int kBits = 15;
  std::vector<Entry> entries_;
};

}  // namespace gpte
