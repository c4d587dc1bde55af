// Learns the merges of a byte-level BPE vocabulary from text.
//
// Repeats: join the most frequent pair of neighbouring tokens everywhere into a new token. Of
// equally frequent pairs, the one with the smaller (left id, right id) comes first. Token b < 256
// is the byte b and merge i makes token 256 + i, so the result depends on nothing but the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe.h"
#include "text/specials.h"
#include "text/split.h"

namespace gpte {

class BpeTrainer {
 public:
  // No token is learned across a name of the special tokens, or from it.
  BpeTrainer(std::vector<std::string> specials, const Splitter& splitter);

  // Counts the pieces of a document; the text is not needed afterwards.
  void add(std::string_view text);
  int64_t bytes() const { return bytes_; }

  // At most count merges, fewer where no pair is left that occurs min_frequency times.
  std::vector<Merge> train(int64_t count, int64_t min_frequency) const;

 private:
  struct Word {
    uint64_t hash;
    size_t start;   // in letters_
    uint32_t size;  // 0 marks an empty slot
    int64_t count;
  };
  void add_plain(std::string_view text);
  void count_word(std::string_view word);
  size_t place(uint64_t hash, std::string_view word) const;
  void grow();

  SpecialTokens specials_;
  const Splitter& splitter_;
  std::string letters_;      // the bytes of all distinct words
  std::vector<Word> words_;  // a hash table
  size_t used_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace gpte
