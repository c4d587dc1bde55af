// The definitions that fuzzed results must equal: slow, short, and in C++ so that they keep up.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/bpe.h"
#include "text/dropout.h"

namespace gpte::reference {

using Ids = std::vector<uint32_t>;

inline std::vector<std::string_view> split(const Splitter& splitter, std::string_view text) {
  std::vector<std::string_view> pieces;
  uint32_t length;
  for (; !text.empty(); text.remove_prefix(length)) {
    splitter.split(text, &length, 1);
    pieces.push_back(text.substr(0, length));
  }
  return pieces;
}

// What is not UTF-8 as U+FFFD, one for each maximal part of a character (Unicode 3.9, table 3-7).
inline std::string replace_invalid(std::string_view bytes) {
  std::string out;
  for (size_t i = 0; i < bytes.size();) {
    const auto at = [&](size_t k) { return i + k < bytes.size() ? uint8_t(bytes[i + k]) : 0; };
    const uint8_t first = at(0);
    const size_t size = first < 0x80                    ? 1
                        : first >= 0xC2 && first < 0xE0 ? 2
                        : first >= 0xE0 && first < 0xF0 ? 3
                        : first >= 0xF0 && first < 0xF5 ? 4
                                                        : 0;
    const uint8_t least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const uint8_t most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    size_t found = 1;
    while (found < size && at(found) >= (found == 1 ? least : 0x80) &&
           at(found) <= (found == 1 ? most : 0xBF)) {
      ++found;
    }
    out += found == size ? std::string(bytes.substr(i, size)) : "\xEF\xBF\xBD";
    i += found;
  }
  return out;
}

// Joins the pair of the lowest rank, the leftmost of equals, until there is none. left_out(step)
// pairs are passed over before that; it is 0 without dropout.
template <class LeftOut>
Ids join(const Bpe& bpe, const std::map<std::string_view, uint32_t>& ids, Ids out, Mode mode,
         const LeftOut& left_out) {
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> ranks;
  if (mode == Mode::merges) {
    for (uint32_t rank = 0; rank < bpe.merges().size(); ++rank) {
      ranks[{bpe.merges()[rank].left, bpe.merges()[rank].right}] = rank;
    }
  }
  const auto joined = [&](size_t i) { return bpe.tokens()[out[i]] + bpe.tokens()[out[i + 1]]; };
  for (uint64_t step = 0;; ++step) {
    std::vector<std::pair<uint32_t, size_t>> joins;
    for (size_t i = 0; i + 1 < out.size(); ++i) {
      if (mode == Mode::merges) {
        const auto found = ranks.find({out[i], out[i + 1]});
        if (found != ranks.end()) joins.push_back({found->second, i});
      } else {
        const auto found = ids.find(joined(i));
        if (found != ids.end()) joins.push_back({found->second, i});
      }
    }
    const uint64_t k = left_out(step);
    if (k >= joins.size()) return out;
    std::nth_element(joins.begin(), joins.begin() + int64_t(k), joins.end());
    const size_t place = joins[k].second;
    out[place] = ids.at(joined(place));
    out.erase(out.begin() + int64_t(place) + 1);
  }
}

// The ids of one piece, from its bytes.
template <class LeftOut>
Ids merge(const Bpe& bpe, const std::map<std::string_view, uint32_t>& ids, std::string_view piece,
          Mode mode, const LeftOut& left_out) {
  Ids bytes;
  for (size_t i = 0; i < piece.size(); ++i) bytes.push_back(ids.at(piece.substr(i, 1)));
  return join(bpe, ids, std::move(bytes), mode, left_out);
}

inline Ids longest_matches(const std::map<std::string_view, uint32_t>& ids,
                           std::string_view piece) {
  Ids out;
  while (!piece.empty()) {
    size_t length = piece.size();
    while (!ids.count(piece.substr(0, length))) --length;
    out.push_back(ids.at(piece.substr(0, length)));
    piece.remove_prefix(length);
  }
  return out;
}

// Text without special tokens in it. ids: those of all tokens that are not special.
inline Ids encode(const Bpe& bpe, const std::map<std::string_view, uint32_t>& ids,
                  const Splitter& plain, std::string_view text, Mode mode, bool ignore_merges) {
  Ids out;
  const auto none_left_out = [](uint64_t) { return uint64_t{0}; };
  for (const std::string_view piece : split(plain, text)) {
    const bool whole = (mode == Mode::bpe || ignore_merges) && ids.count(piece);
    const Ids some = mode == Mode::greedy ? longest_matches(ids, piece)
                     : whole              ? Ids{ids.at(piece)}
                                          : merge(bpe, ids, piece, mode, none_left_out);
    out.insert(out.end(), some.begin(), some.end());
  }
  return out;
}

inline Ids encode_with_dropout(const Bpe& bpe, const std::map<std::string_view, uint32_t>& ids,
                               const Splitter& plain, std::string_view text,
                               const Bpe::Options& options) {
  Ids out;
  const Dropout dropout(options.dropout);
  uint64_t at = 0;
  for (const std::string_view piece : split(plain, text)) {
    const auto left_out = [&](uint64_t step) {
      return dropout.left_out(Philox(options.seed, at, step));
    };
    const Ids some = merge(bpe, ids, piece, options.mode, left_out);
    out.insert(out.end(), some.begin(), some.end());
    at += piece.size();
  }
  return out;
}

// The length of the longest prefix of whole characters that has at most so many ids.
inline size_t truncated(const Bpe& bpe, std::string_view text, int64_t most,
                        const Bpe::Options& options) {
  const auto fits = [&](size_t length) {
    int64_t count;
    return bpe.count(count, text.substr(0, length), options).match.end == 0 && count <= most;
  };
  size_t length = text.size();
  const auto broken = [&] {
    return length < text.size() && (uint8_t(text[length]) & 0xC0) == 0x80;
  };
  while (length > 0 && (broken() || !fits(length))) --length;
  return length;
}

// Where the leftmost special token from `start` on stands, the longest of those that start there;
// the end is 0 if there is none.
inline SpecialTokens::Match find_special(const std::vector<SpecialTokens::Special>& specials,
                                         std::string_view text, size_t start) {
  for (size_t at = start; at < text.size(); ++at) {
    SpecialTokens::Match best{at, 0, 0};
    for (const auto& special : specials) {
      const size_t end = at + special.name.size();
      if (text.substr(at, special.name.size()) == special.name && end > best.end) {
        best = {at, end, special.id};
      }
    }
    if (best.end) return best;
  }
  return {0, 0, 0};
}

}  // namespace gpte::reference
