// From one piece of text to its tokens, without a memory of pieces: merging, or the longest match.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "text/dropout.h"
#include "text/merge_table.h"
#include "text/pulse.h"
#include "text/token_map.h"
#include "text/token_trie.h"

namespace gpte {

class PieceEncoder {
 public:
  virtual ~PieceEncoder() = default;

  // Writes the tokens of the piece to ids, which has room for one a byte; returns how many.
  virtual int64_t encode(uint32_t* ids, const uint8_t* p, int64_t length, Pulse& pulse) const = 0;
};

// Of all neighbours that may be joined, the pair with the lowest rank is joined first, the leftmost
// of equals; until none is left. O(n log n) for any input.
class MergeEncoder : public PieceEncoder {
 public:
  // byte_id[b] is the token of byte b. With `whole`, a piece that is a token itself is that token
  // even where merging would not arrive at it.
  MergeEncoder(MergeTable table, const uint32_t* byte_id, const TokenMap* whole)
      : table_(std::move(table)), byte_id_(byte_id), whole_(whole) {}

  int64_t encode(uint32_t* ids, const uint8_t* p, int64_t length, Pulse& pulse) const final;

  // Joins the n tokens in ids in place; returns how many are left.
  int64_t merge(uint32_t* ids, int64_t n, Pulse& pulse) const;

  // The joins of a piece in their order, whether it is a token or not; ids are the tokens before
  // the first of them.
  std::vector<Join> joins(std::vector<uint32_t>& ids, std::string_view piece, Pulse& pulse) const;

  // BPE-dropout (Provilkov et al., 2020), see dropout.h: by the draws of (seed, stream). O(n log n)
  // for any input and dropout.
  int64_t encode_with_dropout(uint32_t* ids, const uint8_t* p, int64_t length,
                              const Dropout& dropout, uint64_t seed, uint64_t stream,
                              Pulse& pulse) const;

 private:
  // What a piece is before the first merge, and how many that is: its bytes.
  virtual int64_t start(uint32_t* ids, const uint8_t* p, int64_t length) const;

  struct Chain;
  int64_t merge_short(uint32_t* ids, int n) const;
  int64_t merge_long(uint32_t* ids, int64_t n, Pulse& pulse) const;

  MergeTable table_;
  const uint32_t* byte_id_;
  const TokenMap* whole_;
};

// Classic byte-pair encoding of words: merging starts from the characters of a word, of which the
// last one carries </w>. White space has no tokens.
class WordEncoder final : public MergeEncoder {
 public:
  // `unknown` stands for a character that has no token; kNone if there is no such token either.
  WordEncoder(MergeTable table, const TokenMap& tokens, uint32_t unknown)
      : MergeEncoder(std::move(table), nullptr, nullptr), tokens_(tokens), unknown_(unknown) {}

 private:
  int64_t start(uint32_t* ids, const uint8_t* p, int64_t length) const override;

  const TokenMap& tokens_;
  const uint32_t unknown_;
};

// SentencePiece's: merging starts from characters, of which a space and ▁ are the same. One that
// has no token is the tokens of its bytes; so is what is not UTF-8.
class CharacterEncoder final : public MergeEncoder {
 public:
  CharacterEncoder(MergeTable table, const TokenMap& tokens, const uint32_t* byte_id);

 private:
  int64_t start(uint32_t* ids, const uint8_t* p, int64_t length) const override;

  const TokenMap& tokens_;
  const uint32_t* byte_id_;
  uint32_t space_;
  std::array<uint32_t, 128> ascii_;
};

// The longest token that the rest of the piece starts with, again and again.
class GreedyEncoder final : public PieceEncoder {
 public:
  explicit GreedyEncoder(TokenTrie trie) : trie_(std::move(trie)) {}

  int64_t encode(uint32_t* ids, const uint8_t* p, int64_t length, Pulse& pulse) const override;

 private:
  TokenTrie trie_;
};

}  // namespace gpte
