// Finds the most frequent pair of neighbouring tokens in weighted words, joins it everywhere into a
// new token, and again: the second half of training, in which each step touches only the words
// that hold the pair.
//
// Only pairs that occur at least `least_` times are known. All that can be chosen next are among
// them, because the count of a pair only falls once its younger token is there; when none is left,
// `least_` is lowered and the words are gone through again. So the many rare pairs cost nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <unordered_set>
#include <vector>

#include "text/pair_map.h"
#include "text/poll.h"

namespace gpte {

class PairMerger {
 public:
  struct Pair {
    uint32_t left, right;
  };

  // What pairs may become tokens. 0 bytes is no limit.
  struct Limits {
    int64_t min_frequency = 2;
    int64_t max_token_length = 0;
    std::unordered_set<std::string> forbidden;
    // What the tokens at the end of a word end in, or nothing. Text may hold it too: no token is
    // learned that would end in it by way of its letters.
    std::string mark;
  };

  // Symbol i is the token i from the start, and of equally frequent pairs the one with smaller
  // (left, right) comes first.
  PairMerger(std::vector<std::string> symbols, Limits limits);

  // Words come first: at least two tokens each.
  void add_word(const std::vector<uint32_t>& tokens, int64_t count);

  // Learns at most count merges; merge i makes the token symbols + i.
  std::vector<Pair> run(int64_t count, const Poll& poll);

  // Declares a token that words hold already, and returns its id: as if it had been learned.
  uint32_t add_token(uint32_t left, uint32_t right);

 private:
  struct Known {
    uint64_t key;
    int64_t count;
    uint32_t* words;  // where the pair occurs or once did
    uint32_t size;
  };
  struct Queued {
    int64_t count;
    uint64_t key;
    uint32_t pair;
    bool operator<(const Queued& other) const {
      return count != other.count ? count < other.count : key > other.key;
    }
  };
  // What a merge changes for the pairs of each neighbour on one side of it.
  struct Change {
    int64_t loss = 0, gain = 0;
    uint32_t entries = 0, pair = 0;
  };
  struct Entry {
    uint32_t neighbour, word;
  };
  struct Side {
    std::vector<Change> changes;  // by neighbour, all zero between merges
    std::vector<uint32_t> touched;
    std::vector<Entry> entries;

    void resize(size_t tokens) {
      if (changes.size() < tokens) changes.resize(tokens * 2);
    }
    Change& touch(uint32_t neighbour) {
      Change& change = changes[neighbour];
      if (change.loss == 0 && change.gain == 0) touched.push_back(neighbour);
      return change;
    }
    void lose(uint32_t neighbour, int64_t count) { touch(neighbour).loss += count; }
    void gain(uint32_t neighbour, int64_t count, uint32_t word) {
      Change& change = touch(neighbour);
      change.gain += count;
      ++change.entries;
      entries.push_back({neighbour, word});
    }
  };

  void know(const Poll& poll);
  void compact();
  template <class F>
  void for_each_word(const Poll& poll, F&& f) const;
  void merge(uint32_t known, uint32_t id);
  void join(uint32_t word, uint32_t left, uint32_t right, uint32_t id);
  template <class Old, class New>
  void settle(Side& side, Old old_pair, New new_pair);
  uint32_t add_pair(uint64_t key, int64_t count, uint32_t entries);
  static void append(Known& pair, uint32_t word);
  bool allowed(uint64_t key) const;
  uint32_t* room(size_t n);

  static uint64_t key_of(uint32_t left, uint32_t right) { return uint64_t(left) << 32 | right; }

  Limits limits_;
  std::vector<std::string> texts_;  // of all tokens

  // Words end to end: their count in two halves, their size now and at first, their tokens. A word
  // is known by where it starts.
  std::vector<uint32_t> words_;

  int64_t least_ = 0;
  std::vector<Known> pairs_;
  PairMap index_;  // of pairs_
  std::priority_queue<Queued> heap_;
  std::vector<std::unique_ptr<uint32_t[]>> blocks_;  // that the lists of words lie in
  size_t block_used_ = 0, block_size_ = 0, listed_ = 0;
  int64_t done_ = 0, wanted_ = 0;
  Side before_, after_;
};

}  // namespace gpte
