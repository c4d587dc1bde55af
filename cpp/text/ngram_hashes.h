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

// Of the words of a text, in order. values: of each code point, kCodePoints; 0 outside words. In
// ASCII words are letters, which count as small ones, and digits, which count as 0.
std::vector<uint64_t> word_hashes(std::string_view text, const uint32_t* values);

// Of each n of the words in a row; none if there are fewer.
std::vector<uint64_t> ngram_hashes(const uint64_t* words, size_t count, size_t n);

// Distinct hashes, ascending, and after them 2^64 - 1; starts[h >> shift] is the first of those
// that begin like h.
struct HashTable {
  const uint64_t* keys;
  size_t size;  // without the last
  const int32_t* starts;
  int shift;
};

// The place of each hash in the table, -1 where it is not there.
constexpr size_t kLookedUp = 64;  // hashes at a time: their memory is fetched together
void find_hashes(int32_t* places, const HashTable& table, const uint64_t* hashes, size_t count);

}  // namespace gpte
