// MinHash signatures of texts (Broder 1997): near-duplicates agree in most places.
//
// A text's shingles are its runs of `width` words (text/folded_words.h); a text of fewer words has
// one, of all of them. Each is hashed to 32 bits x, and place k of the signature is the least
// (a_k x + b_k) mod 2^32 over the shingles: a random one of them, so that two texts agree in a
// place as often as their sets of shingles overlap (Jaccard). Place values of a text without words
// are all 2^32 - 1.
//
// Numbers count as 0, so that a page does not become another one with its date, unless more than a
// fifth of the ASCII letters, the bytes from 0xC0 on (which begin characters beyond ASCII) and the
// ASCII digits are such digits: tables that differ in numbers alone are not the same.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace gpte {

class MinHash {
 public:
  static constexpr uint32_t kEmpty = ~uint32_t(0);

  // The constants a_k, b_k are drawn from the seed.
  MinHash(int64_t permutations, int64_t width, uint64_t seed);

  int64_t permutations() const { return permutations_; }
  // Writes `permutations` numbers.
  void signature(uint32_t* out, std::string_view text) const;

 private:
  const int64_t permutations_, width_;
  uint64_t oldest_;                     // what the word that leaves a shingle was multiplied by
  std::vector<uint32_t> times_, plus_;  // padded to whole vectors
};

// Keys of the bands of one signature, each of `rows` places; never those of another band.
void band_keys(uint64_t* keys, const uint32_t* signature, int64_t bands, int64_t rows);

}  // namespace gpte
