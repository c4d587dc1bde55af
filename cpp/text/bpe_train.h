// Learns the merges of a byte-pair vocabulary from text.
//
// Repeats: join the most frequent pair of neighbouring tokens everywhere into a new token. The
// result depends on nothing but the text: not on threads, and not on the order of documents.
//
// Over bytes, token b < 256 is the byte b and merge i makes token 256 + i. Over characters, of
// words between white space, the tokens are at first the characters, where the last of a word
// carries </w> and so is another one: by code point, without </w> first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/bpe.h"
#include "text/pair_merger.h"
#include "text/split.h"
#include "text/word_count.h"

namespace gpte {

class BpeTrainer {
 public:
  // Which of equally frequent pairs comes first: that with the smaller left and then right token.
  // bytes compares ids. hugging_face puts the bytes into the order of the characters that spell
  // them in tokenizer.json (33-126, 161-172, 174-255, then the others), before all merges: so the
  // merges are those of the trainer of `tokenizers`.
  enum class Ties { hugging_face, bytes };

  struct Options {
    Ties ties = Ties::hugging_face;
    PairMerger::Limits limits;
    std::vector<Merge> base;  // merges that are there from the start, by the ids of this trainer
  };

  struct Learned {
    std::vector<std::string> symbols;  // the tokens before the first merge
    std::vector<Merge> merges;         // without those of the base
    WordCount::Report report;
  };

  // No token is learned across a name of the special tokens, or from it. With characters, that is
  // what tokens are of. Memory is in bytes, for all that is counted and kept, not for texts.
  BpeTrainer(const std::vector<std::string>& specials, const Splitter& splitter, bool characters,
             int64_t memory)
      : words_(specials, splitter, characters, memory), characters_(characters) {}

  // Text comes in by add() and add_file().
  WordCount& words() { return words_; }

  // At most vocab_size - symbols - base merges, fewer where no pair is left that is frequent enough
  // or where there are too many symbols already. Uses up the words.
  Learned train(int64_t vocab_size, const Options& options, const Poll& poll);

 private:
  Learned train_bytes(int64_t merges, const Options& options, const Poll& poll);
  Learned train_characters(int64_t vocab_size, const Options& options, const Poll& poll);

  WordCount words_;
  const bool characters_;
};

}  // namespace gpte
