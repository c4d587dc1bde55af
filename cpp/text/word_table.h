// Distinct words and how often each occurs: open-addressed, with the bytes of short words inside
// the slots, so that counting one that is known touches one cache line.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/hash_bytes.h"

namespace gpte {

class WordTable {
 public:
  static constexpr size_t kShort = 15;  // bytes; the 16th holds their number

  struct Key {
    uint64_t low, high;
  };

  WordTable() : short_(kFirst), long_(kFirst) {}

  // The key of a word of at most kShort bytes.
  static Key key(const char* p, size_t size) {
    Key k{0, 0};
    std::memcpy(&k, p, size);
    k.high |= uint64_t(size) << 56;
    return k;
  }

  static uint64_t hash(Key k) {
    return mix(k.low ^ process_seeds().first, k.high ^ process_seeds().second);
  }
  static uint64_t hash(std::string_view word) {
    uint64_t hash = word.size();
    for (size_t at = 0; at < word.size(); at += 8) {
      uint64_t part = 0;
      std::memcpy(&part, &word[at], std::min<size_t>(8, word.size() - at));
      hash = mix(hash ^ process_seeds().first, part ^ process_seeds().second);
    }
    return hash;
  }

  void prefetch(uint64_t hash) const { __builtin_prefetch(&short_[place(hash, short_.size())]); }

  void add(Key key, uint64_t hash, int64_t count) {
    Short& slot = find(short_, hash, [&](const Short& s) {
      return s.key.low == key.low && s.key.high == key.high;
    });
    if (slot.count == 0) {
      slot.key = key;
      if (++short_used_ * 2 > short_.size()) return insert_and_grow(short_, slot, count);
    }
    slot.count += count;
  }

  void add(std::string_view word, uint64_t hash, int64_t count) {
    Long& slot = find(long_, hash, [&](const Long& s) {
      return s.hash == hash && s.size == word.size() &&
             std::memcmp(&letters_[s.start], word.data(), word.size()) == 0;
    });
    if (slot.count == 0) {
      slot.hash = hash;
      slot.start = letters_.size();
      slot.size = uint32_t(word.size());
      letters_.append(word);
      if (++long_used_ * 2 > long_.size()) return insert_and_grow(long_, slot, count);
    }
    slot.count += count;
  }

  void add(std::string_view word, int64_t count) {
    if (word.size() > kShort) return add(word, hash(word), count);
    const Key k = key(word.data(), word.size());
    add(k, hash(k), count);
  }

  // Adds all words of another table.
  void absorb(const WordTable& other) {
    // Slots come in the order of their hashes: in a smaller table they would pile up.
    if (short_.size() < other.short_.size()) resize(short_, other.short_.size());
    if (long_.size() < other.long_.size()) resize(long_, other.long_.size());
    for (const Short& s : other.short_) {
      if (s.count > 0) add(s.key, s.hash_of(), s.count);
    }
    for (const Long& s : other.long_) {
      if (s.count > 0) add(other.view(s), s.hash, s.count);
    }
  }

  // Calls f(word, count) for each, in no particular order.
  template <class F>
  void for_each(F&& f) const {
    for (const Short& s : short_) {
      if (s.count > 0) {
        char letters[16];
        std::memcpy(letters, &s.key, sizeof letters);
        f(std::string_view(letters, size_t(s.key.high >> 56)), s.count);
      }
    }
    for (const Long& s : long_) {
      if (s.count > 0) f(view(s), s.count);
    }
  }

  // Forgets the words, and their memory too if it is more than they needed.
  void clear() {
    empty(short_, short_used_);
    empty(long_, long_used_);
    letters_.clear();
    short_used_ = long_used_ = 0;
  }

  size_t words() const { return short_used_ + long_used_; }

  // Bytes that a table of these words takes at most, however it came about.
  int64_t cost() const {
    return int64_t(short_used_ * 4 * sizeof(Short) + long_used_ * 4 * sizeof(Long) +
                   letters_.size() * 2);
  }

 private:
  static constexpr size_t kFirst = 64;

  struct Short {
    Key key;
    int64_t count = 0;  // 0 marks an empty slot
    uint64_t hash_of() const { return hash(key); }
  };
  struct Long {
    uint64_t hash;
    uint64_t start;  // in letters_
    int64_t count = 0;
    uint32_t size;
    uint64_t hash_of() const { return hash; }
  };

  // The top bits of a hash belong to whoever spreads words over several tables.
  static size_t place(uint64_t hash, size_t slots) { return size_t(hash) & (slots - 1); }

  std::string_view view(const Long& s) const { return {&letters_[s.start], s.size}; }

  template <class Slot, class Same>
  static Slot& find(std::vector<Slot>& slots, uint64_t hash, Same same) {
    size_t i = place(hash, slots.size());
    while (slots[i].count > 0 && !same(slots[i])) i = (i + 1) & (slots.size() - 1);
    return slots[i];
  }

  template <class Slot>
  static void insert_and_grow(std::vector<Slot>& slots, Slot& fresh, int64_t count) {
    fresh.count = count;
    resize(slots, slots.size() * 2);
  }

  template <class Slot>
  static void resize(std::vector<Slot>& slots, size_t size) {
    std::vector<Slot> old(size);
    old.swap(slots);
    for (const Slot& s : old) {
      if (s.count > 0) find(slots, s.hash_of(), [](const Slot&) { return false; }) = s;
    }
  }

  template <class Slot>
  static void empty(std::vector<Slot>& slots, size_t used) {
    if (used == 0) return;
    if (used * 8 < slots.size())
      std::vector<Slot>(slots.size() / 2).swap(slots);
    else
      std::fill(slots.begin(), slots.end(), Slot{});
  }

  std::vector<Short> short_;
  std::vector<Long> long_;
  std::string letters_;  // of the long words, end to end
  size_t short_used_ = 0, long_used_ = 0;
};

}  // namespace gpte
