// Remembers the tokens of pieces of text: real text repeats almost all of its pieces.
//
// Pieces of up to 15 bytes and 4 tokens lie in one table of 32-byte entries, two in a cache line,
// so that most questions cost one line. All others lie in a second table that points into arenas.
// A question looks at a fixed number of entries, whatever the text: no input makes it slow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "text/hash_bytes.h"

namespace gpte {

class PieceCache {
 public:
  static constexpr int64_t kShortBytes = 15, kShortTokens = 4;
  static constexpr int64_t kLongBytes = 512;                // longer pieces hardly ever repeat
  static constexpr int64_t kMostBytes = int64_t(32) << 30;  // an eighth has places of 32 bits

  // A piece's bytes, and their number in the lower half of the last byte.
  struct Key {
    uint64_t low, high;
    uint64_t hash() const { return mix(low, high); }
  };

  struct alignas(32) Entry {
    uint64_t low, high;  // the upper half of the last byte counts the tokens; 0 marks no entry
    uint32_t ids[kShortTokens];

    uint32_t count() const { return uint32_t(high >> 60); }
    // In one comparison: whether it is the first or the second of a line is not to be foreseen.
    bool is(const Key& key) const { return ((low ^ key.low) | (high ^ key.high) << 4) == 0; }
  };

  struct Tokens {
    const uint32_t* ids;  // null where the piece is not known
    uint32_t count;
  };

  // Starts with the entries of seed, which is also what is left when more than `limit` bytes would
  // be needed, at most kMostBytes. The seed must outlive the cache. The generation is for its
  // owner.
  PieceCache(const std::vector<Entry>& seed, int64_t limit, uint64_t generation);
  uint64_t generation() const { return generation_; }

  // Makes room for what a text of that many bytes is likely to add, to spare growing step by step.
  void expect(int64_t bytes);

  static Key key(const uint8_t* p, int64_t length) {
    Key k{0, 0};
    std::memcpy(&k, p, size_t(length));
    k.high |= uint64_t(length) << 56;
    return k;
  }

  // The same, where 16 bytes can be read.
  static Key key_of_readable(const uint8_t* p, int64_t length) {
    Key k;
    std::memcpy(&k, p, sizeof k);
    k.low &= kMasks[length][0];
    k.high = (k.high & kMasks[length][1]) | uint64_t(length) << 56;
    return k;
  }

  const Entry* line(uint64_t hash) const { return short_ + 2 * (hash & line_mask_); }
  const void* long_line(uint64_t hash) const { return long_ + (hash & long_mask_); }

  // The entry of a short piece, or null. The first line is the common case.
  const Entry* find(const Key& key, uint64_t hash) const {
    const Entry* two = line(hash);
    const Entry* entry = two + !two->is(key);
    if (__builtin_expect(entry->is(key), 1)) return entry;
    return find_further(key, hash);
  }
  Tokens find_long(const uint8_t* p, int64_t length, uint64_t hash) const;

  // Stores a piece that is not there, if it is worth it.
  void add(const Key& key, uint64_t hash, const uint32_t* ids, int64_t count);
  void add_long(const uint8_t* p, int64_t length, uint64_t hash, const uint32_t* ids,
                int64_t count);

  int64_t bytes() const;

 private:
  static constexpr int kLines = 4, kLongProbes = 8;
  static const uint64_t kMasks[16][2];

  struct LongEntry {
    uint64_t hash;
    uint32_t letters, tokens;  // where they start in the arenas
    uint32_t length, count;    // length 0 marks no entry
  };

  const Entry* find_further(const Key& key, uint64_t hash) const;
  bool place(const Entry& entry);
  void resize_short(int64_t lines);
  void resize_long(int64_t entries);
  void wipe();
  void sow();

  const std::vector<Entry>& seed_;
  const int64_t limit_;
  const uint64_t generation_;
  bool seeded_;
  std::shared_ptr<void> short_memory_, long_memory_;
  Entry* short_ = nullptr;
  LongEntry* long_ = nullptr;
  uint64_t line_mask_ = 0, long_mask_ = 0;
  int64_t most_lines_, most_long_, short_used_ = 0, long_used_ = 0;
  std::vector<uint8_t> letters_;
  std::vector<uint32_t> tokens_;
};

}  // namespace gpte
