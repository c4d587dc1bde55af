// Counts the distinct pieces of texts, on all threads and in bounded memory.
//
// Counts are exact, and so depend on neither the order of the texts nor the threads, until the
// words need more memory than they may take: then the rarest are dropped, and the report says so.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "text/poll.h"
#include "text/pulse.h"
#include "text/specials.h"
#include "text/split.h"
#include "text/word_table.h"

namespace gpte {

class WordCount {
 public:
  struct Text {
    std::string_view letters;
    int64_t weight;
  };
  struct Report {
    int64_t bytes = 0;           // of text
    int64_t words = 0;           // distinct ones that were kept
    int64_t dropped_words = 0;   // distinct ones that were not, for want of memory
    int64_t dropped_pieces = 0;  // their counts
    int64_t least_count = 1;     // no word that occurs so often was dropped
  };

  // Specials are cut out of the texts. With `words`, pieces of white space do not count, and the
  // others are counted with a space at their end. Memory is in bytes.
  WordCount(const std::vector<std::string>& specials, const Splitter& splitter, bool words,
            int64_t memory);

  // The texts are not needed afterwards.
  void add(const std::vector<Text>& texts, const Poll& poll);
  // Of an open regular file, the first `most` bytes, read part by part; the name is for messages.
  // Text without a place to cut is held as a whole.
  void add_file(int file, const std::string& name, int64_t most, int64_t weight, const Poll& poll);

  // Drops the rarest words until the sum of cost(size of a word) is within the memory.
  void drop_to_fit(const std::function<int64_t(size_t)>& cost);

  template <class F>
  void for_each(F&& f) const {
    for (const WordTable& table : words_) table.for_each(f);
  }
  // Calls f(word, count) for each word and forgets them table by table.
  template <class F>
  void consume(F&& f) {
    for (WordTable& table : words_) {
      table.for_each(f);
      table = WordTable();
    }
  }

  Report report() const;

 private:
  static constexpr size_t kTables = 16;
  using Tables = std::array<WordTable, kTables>;
  class Counter;

  size_t cut(std::string_view text, size_t at, Pulse& pulse) const;
  void count_round(const std::vector<Text>& texts, const std::function<void()>& poll);
  void drop_rare_words(const std::function<int64_t(size_t)>& cost, int64_t limit);

  SpecialTokens specials_;
  const Splitter& splitter_;
  const bool whole_words_;
  const int64_t memory_;
  const size_t round_;  // bytes of text between two merges of the threads' tables
  Tables words_;
  std::vector<Tables> local_;  // of each task
  Report report_;
  int64_t weighted_bytes_ = 0;
  uint64_t draws_ = 0;  // of rare words that stay
};

}  // namespace gpte
