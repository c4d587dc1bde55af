// Tables are larger than caches, so the next looks into one are begun before the last have ended.
#include "text/ngram_hashes.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "text/folded_words.h"

namespace gpte {
namespace {

// The sum of a word so far, and B^place of what comes next.
struct WordSum {
  uint64_t sum = 0, power = 1;

  void add(uint32_t value) {
    sum += value * power;
    power *= kNgramBase;
  }
};

// B^0 to B^8.
constexpr std::array<uint64_t, 9> make_powers() {
  std::array<uint64_t, 9> powers{1};
  for (size_t i = 1; i < 9; ++i) powers[i] = powers[i - 1] * kNgramBase;
  return powers;
}
constexpr std::array<uint64_t, 9> kPowers = make_powers();

// Adds the letters and digits of ASCII that 8 bytes begin with, as small letters and as the digit
// 0, and says how many there are. All 8 are added, as 0 behind the first that is no such.
size_t add_ascii(WordSum& word, uint64_t bytes) {
  const uint64_t letters = ascii::letters(bytes), digits = ascii::digits(bytes);
  const uint64_t others = ~(letters | digits) & ascii::kTops;
  const uint64_t inside = others ? ((others & -others) >> 7) - 1 : ~uint64_t(0);
  const size_t length = others ? size_t(__builtin_ctzll(others)) / 8 : 8;
  // A digit is '0': of its bits those of its value go.
  bytes = (bytes | (letters >> 2)) & ~(digits >> 7) & ~(digits >> 6) & ~(digits >> 5) &
          ~(digits >> 4) & inside;
  uint64_t sum = bytes >> 56;
  for (int shift = 48; shift >= 0; shift -= 8) sum = sum * kNgramBase + (bytes >> shift & 0x7F);
  word.sum += sum * word.power;
  word.power *= kPowers[length];
  return length;
}

}  // namespace

std::vector<uint64_t> word_hashes(std::string_view text, const uint32_t* values) {
  std::vector<uint64_t> words;
  words.reserve(text.size() / 6);
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  WordSum word;
  const auto finish = [&] {
    if (word.power != 1) words.push_back(spread(word.sum));
    word = {};
  };
  while (p < end) {
    if (end - p >= 8 && (ascii::is_letter(*p) || ascii::is_digit(*p))) {
      uint64_t bytes;
      std::memcpy(&bytes, p, 8);
      p += add_ascii(word, bytes);
      continue;
    }
    const Char c = decode_char(p, end);
    p += c.length;
    if (const uint32_t value = values[c.code]) {
      word.add(value);
    } else {
      finish();
    }
  }
  finish();
  return words;
}

std::vector<uint64_t> ngram_hashes(const uint64_t* words, size_t count, size_t n) {
  std::vector<uint64_t> hashes;
  if (n == 0 || count < n) return hashes;
  hashes.reserve(count - n + 1);
  uint64_t oldest = 1, sum = 0;  // B^n, and the polynomial of the last n words
  for (size_t i = 0; i < n; ++i) oldest *= kNgramBase;
  for (size_t i = 0; i < count; ++i) {
    sum = sum * kNgramBase + words[i];
    if (i >= n) sum -= words[i - n] * oldest;
    if (i + 1 >= n) hashes.push_back(spread(sum));
  }
  return hashes;
}

void find_hashes(int32_t* places, const HashTable& table, const uint64_t* hashes, size_t count) {
  const auto last = int32_t(table.size - 1);
  for (size_t from = 0; from < count; from += kLookedUp) {
    const size_t to = std::min(from + kLookedUp, count);
    for (size_t i = from; i < to; ++i) {
      places[i] = int32_t((hashes[i] >> 32) * table.homes >> 32);
      __builtin_prefetch(table.slots + places[i]);
    }
    for (size_t i = from; i < to; ++i) {
      const uint64_t hash = hashes[i];
      const HashSlot* slot = table.slots + places[i];
      for (;;) {  // few loops, and no branch within: how far a hash stands nobody foresees
        const int less = (slot[0].key < hash) + (slot[1].key < hash) + (slot[2].key < hash) +
                         (slot[3].key < hash);
        slot += less;
        if (less < 4) break;
      }
      const bool found = (slot->key == hash) & (~hash != 0);
      places[i] = found ? int32_t(slot - table.slots) : last;
    }
  }
}

}  // namespace gpte
