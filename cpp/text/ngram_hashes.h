// Hashes of words and of n words in a row, and tables to look many of them up at once.
//
// A word is a run of characters of which each has a value. Its hash is that of the sum of value
// times B^place, modulo 2^64; the hash of n words that of the polynomial of theirs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gpte {

constexpr uint64_t kNgramBase = 0x9E3779B97F4A7C15u;

// What is done to a sum, so that all bits of a hash depend on all of it: the steps and the factor
// of splitmix64 (Steele et al. 2014).
inline uint64_t spread(uint64_t hash) {
  hash ^= hash >> 31;
  hash *= 0xBF58476D1CE4E5B9u;
  return hash ^ hash >> 29;
}

// Of the words of a text, in order. values: of each code point, kCodePoints; 0 outside words. In
// ASCII words are letters, which count as small ones, and digits, which count as 0.
std::vector<uint64_t> word_hashes(std::string_view text, const uint32_t* values);

// Of each n of the words in a row; none if there are fewer.
std::vector<uint64_t> ngram_hashes(const uint64_t* words, size_t count, size_t n);

// A slot of a table has a hash, or ~0 if it is a gap, and 8 bytes of values.
struct HashSlot {
  uint64_t key, values;
};

// Distinct hashes, ascending, with gaps between, so that most are where their first bits say: a key
// stands at the first free slot from (key >> 32) * homes >> 32 on. The last kGaps are gaps.
constexpr size_t kGaps = 4;
struct HashTable {
  const HashSlot* slots;
  size_t size;
  uint64_t homes;
};

// The slot of each hash in the table, the last one where it is not there.
constexpr size_t kLookedUp = 64;  // hashes at a time: their memory is fetched together
void find_hashes(int32_t* places, const HashTable& table, const uint64_t* hashes, size_t count);

}  // namespace gpte
