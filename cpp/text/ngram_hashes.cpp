// Tables are larger than caches, so the next looks into one are begun before the last have ended.
#include "text/ngram_hashes.h"

#include <algorithm>

#include "text/char_info.h"

namespace gpte {
namespace {

constexpr uint64_t kSpread = 0xBF58476D1CE4E5B9u;  // of splitmix64 (Steele et al. 2014)
constexpr size_t kTogether = 64;                   // hashes that are looked up at a time

uint64_t spread(uint64_t hash) {
  hash ^= hash >> 31;
  hash *= kSpread;
  return hash ^ hash >> 29;
}

}  // namespace

std::vector<uint64_t> word_hashes(std::string_view text, const uint32_t* values) {
  std::vector<uint64_t> words;
  words.reserve(text.size() / 6);
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  uint64_t sum = 0, power = 1;
  while (p < end) {
    uint32_t value;
    if (*p < 0x80) {
      value = values[*p++];
    } else {
      const Char c = decode_char(p, end);
      value = values[c.code];
      p += c.length;
    }
    if (value != 0) {
      sum += value * power;
      power *= kNgramBase;
    } else if (power != 1) {
      words.push_back(spread(sum));
      sum = 0;
      power = 1;
    }
  }
  if (power != 1) words.push_back(spread(sum));
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
  for (size_t from = 0; from < count; from += kTogether) {
    const size_t to = std::min(from + kTogether, count);
    for (size_t i = from; i < to; ++i)
      __builtin_prefetch(table.starts + (hashes[i] >> table.shift));
    for (size_t i = from; i < to; ++i) {
      places[i] = table.starts[hashes[i] >> table.shift];
      __builtin_prefetch(table.keys + places[i]);
    }
    for (size_t i = from; i < to; ++i) {
      auto place = size_t(places[i]);
      while (table.keys[place] < hashes[i]) ++place;
      places[i] = table.keys[place] == hashes[i] && place < table.size ? int32_t(place) : -1;
    }
  }
}

}  // namespace gpte
