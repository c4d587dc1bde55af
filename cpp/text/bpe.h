// Byte-level byte-pair encoding: text to token ids and back, over a fixed vocabulary.
//
// Text is cut into pieces (split.h), and each piece into tokens (piece_encoder.h), which are
// remembered (piece_cache.h). What decides about ids never changes, so any number of threads may
// encode at once, and a fork at any time leaves the child a tokenizer that works.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/merge_table.h"
#include "text/spaces.h"
#include "text/specials.h"
#include "text/split.h"
#include "text/token_buffer.h"
#include "text/token_bytes.h"
#include "text/token_map.h"
#include "text/word_end.h"

namespace gpte {

struct ModeState;

struct Merge {
  uint32_t left, right;
};

// How a piece becomes tokens.
//   merges  the listed merges, in their order
//   bpe     any two tokens whose joined bytes are a token are joined, the smallest such id first;
//           a piece that is a token is that token
//   greedy  the longest token from the left
enum class Mode { merges, bpe, greedy };

// What merging starts from: bytes; characters, of which </w> ends a word (see WordEncoder); or
// characters and spaces, with bytes for those without a token (see CharacterEncoder).
enum class Symbols { bytes, words, characters };

class Bpe {
 public:
  // tokens[id] holds the bytes of each token, merges stand in the order of their rank, and the ids
  // in specials are control tokens, which no text without their name can give. With ignore_merges,
  // a piece that is a token is that token in the mode `merges` too. Of words, the token <unk>
  // stands for what is unknown. The prefix is that of characters. The poll is as in Options.
  Bpe(std::vector<std::string> tokens, std::vector<Merge> merges, std::vector<uint32_t> specials,
      const Splitter& splitter, bool ignore_merges = false, Symbols symbols = Symbols::bytes,
      Prefix prefix = Prefix::none, const std::function<void()>& poll = nullptr);
  ~Bpe();
  Bpe(const Bpe&) = delete;
  Bpe& operator=(const Bpe&) = delete;

  int64_t vocab_size() const { return int64_t(tokens_.size()); }
  const std::vector<std::string>& tokens() const { return tokens_; }
  // Of a token that is not special, by its bytes; TokenMap::kNone if there is none.
  uint32_t id(std::string_view token) const { return id_of_.find(token); }
  const std::vector<Merge>& merges() const { return merges_; }
  const SpecialTokens& specials() const { return specials_; }
  const TokenBytes& bytes() const { return bytes_; }
  // Whether the tokens of a text tile it: those of words do not tell what stands between words.
  bool tiles() const { return symbols_ != Symbols::words; }
  // Whether the token's bytes end in a space that stands before another token only, as the last
  // token of a word does.
  bool spaced(uint32_t id) const { return symbols_ == Symbols::words && ends_word(tokens_[id]); }
  Symbols symbols() const { return symbols_; }
  Prefix prefix() const { return prefix_; }
  // Whether a stretch of text starts behind the token, so that the prefix may stand there.
  bool restarts(uint32_t id) const { return prefix_ >= Prefix::always && is_special_[id]; }
  bool puts_prefix(std::string_view stretch) const {
    return prefix_ != Prefix::none && (prefix_ == Prefix::every || space_at_start(stretch) == 0);
  }
  // The bytes of a token in a text, whose prefix is left out. fresh: whether a stretch starts with
  // the token; becomes whether one starts behind it.
  std::string_view read(uint32_t id, bool& fresh) const {
    std::string_view bytes = bytes_.of(id);
    const bool prefixed = fresh && prefix_ != Prefix::none && !is_special_[id];
    if (prefixed && !bytes.empty() && bytes[0] == ' ') bytes.remove_prefix(1);
    fresh = restarts(id);
    return bytes;
  }

  const Splitter& splitter() const { return splitter_; }

  struct Options {
    Mode mode = Mode::merges;
    double dropout = 0;             // probability that a join is left out; not in the mode greedy
    uint64_t seed = 0;              // of dropout
    bool as_text = false;           // names of special tokens are text like any other
    std::vector<uint32_t> allowed;  // if not: those that become control tokens, in ascending order
    bool continued = false;         // the texts go on from others: no prefix at their start
    // Called every few milliseconds of long work, on the thread that asked for it; may throw to
    // stop it.
    std::function<void()> poll;
  };

  // What stands in texts[text] and cannot be encoded: a special token that is not allowed, or where
  // the id is TokenMap::kNone, a byte that no token stands for. end is 0 if there is none.
  struct Refusal {
    size_t text;
    SpecialTokens::Match match;
  };

  // Appends the ids of all texts, end to end, and to offsets where each text ends; both mean
  // nothing where a text is refused. The same ids for any number of threads; `parallel` lets there
  // be more than one.
  Refusal encode(TokenBuffer& ids, std::vector<int64_t>& offsets,
                 const std::vector<std::string_view>& texts, const Options& options,
                 bool parallel) const;

  // How a piece becomes tokens, see MergeEncoder::joins. Not in the mode greedy.
  std::vector<Join> joins(std::vector<uint32_t>& ids, std::string_view piece, Mode mode,
                          const std::function<void()>& poll) const;

  // How many ids a text has, in constant memory.
  Refusal count(int64_t& count, std::string_view text, const Options& options) const;

  // The largest number of bytes that one worker's memory of pieces takes; 0 for none.
  int64_t cache_bytes() const { return cache_bytes_; }
  void set_cache_bytes(int64_t bytes);
  void clear_cache() const;
  // How many of these memories wait for a next text.
  int64_t idle_caches() const;

 private:
  struct Range;
  class Worker;

  const ModeState& state(Mode mode, const std::function<void()>& poll) const;
  MergeTable merge_table(Mode mode, const std::function<void()>& poll) const;
  size_t unknown_byte(std::string_view text, const Options& options) const;
  template <class F>
  Refusal for_each_range(const std::vector<std::string_view>& texts, const Options& options,
                         bool in_parts, const F& f) const;
  void encode_parallel(TokenBuffer& ids, std::vector<int64_t>& offsets,
                       const std::vector<Range>& ranges, const Options& options, int workers,
                       int64_t bytes) const;

  std::vector<std::string> tokens_;
  std::vector<Merge> merges_;
  std::vector<bool> is_special_;
  std::vector<bool> apart_;  // special, or a byte by its name: nothing that merging knows
  std::array<uint32_t, 256> byte_id_;
  TokenMap id_of_;
  SpecialTokens specials_;
  TokenBytes bytes_;
  const Splitter& splitter_;
  const bool ignore_merges_;
  const Symbols symbols_;
  const Prefix prefix_;
  bool all_bytes_ = true;  // have tokens
  std::atomic<int64_t> cache_bytes_{int64_t(64) << 20};
  mutable std::array<std::atomic<ModeState*>, 3> states_{};  // made when first asked for
};

}  // namespace gpte
