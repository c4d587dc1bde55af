// Byte-level byte-pair encoding: text to token ids and back, over a fixed vocabulary.
//
// A piece of text (split.h) starts as one token a byte. Of all neighbours that a merge joins, the
// pair with the lowest rank is joined first, the leftmost of equals; until none is left.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "text/pair_map.h"
#include "text/piece_cache.h"
#include "text/specials.h"
#include "text/split.h"

namespace gpte {

struct Merge {
  uint32_t left, right;
};

class Bpe {
 public:
  // tokens[id] holds the bytes of each token, merges stand in the order of their rank, and the ids
  // in specials are control tokens, which no text without their name can give.
  Bpe(std::vector<std::string> tokens, std::vector<Merge> merges, std::vector<uint32_t> specials,
      const Splitter& splitter);

  int64_t vocab_size() const { return int64_t(tokens_.size()); }
  const std::vector<std::string>& tokens() const { return tokens_; }
  const std::vector<Merge>& merges() const { return merges_; }

  // Appends the ids of the text; names of special tokens are text like any other. Any number of
  // threads may encode at once.
  void encode(std::vector<uint32_t>& ids, std::string_view text) const;

  // The same, but the names of the allowed special tokens become control tokens. Stops at the first
  // special token that is not allowed and returns where it stands; end is 0 if there was none.
  SpecialTokens::Match encode_with_specials(std::vector<uint32_t>& ids, std::string_view text,
                                            const std::vector<uint32_t>& allowed) const;

  // The bytes of the tokens, end to end; every id must be below vocab_size().
  std::string decode(const uint32_t* ids, int64_t count) const;

 private:
  void encode_cached(std::vector<uint32_t>& ids, const uint8_t* p, int64_t length,
                     PieceCache& cache) const;
  void encode_piece(std::vector<uint32_t>& ids, const uint8_t* p, int64_t length) const;
  void merge_short(std::vector<uint32_t>& ids, const uint8_t* p, int length) const;
  void merge_long(std::vector<uint32_t>& ids, const uint8_t* p, int64_t length) const;
  std::unique_ptr<PieceCache> take_cache() const;
  void give_back(std::unique_ptr<PieceCache> cache) const;

  std::vector<std::string> tokens_;
  std::vector<Merge> merges_;
  std::vector<uint32_t> merged_;  // by rank: the id of the joined token
  std::vector<uint32_t> byte_id_;
  PairMap ranks_;
  SpecialTokens specials_;
  const Splitter& splitter_;
  mutable std::mutex mutex_;  // guards the list only: a cache has one user at a time
  mutable std::vector<std::unique_ptr<PieceCache>> caches_;
};

}  // namespace gpte
