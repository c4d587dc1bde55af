// A small vocabulary from a few bytes of an input: its ids in any order, with merges that make a
// token that is there already, special tokens that overlap, and perhaps none for one of the bytes.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/fuzz.h"
#include "text/bpe.h"

namespace gpte {

struct Vocabulary {
  static constexpr size_t kLongest = 40;  // bytes of a token

  std::vector<std::string> tokens;
  std::vector<Merge> merges;
  std::vector<uint32_t> specials;
  bool ignore_merges;

  // Two bytes a merge: letters of the text are likely ones. Then special tokens.
  explicit Vocabulary(Input& in) {
    const size_t turn = in.byte();  // byte b has the id b + turn: no id is what it looks like
    ignore_merges = in.flag();
    const size_t wanted = in.below(96), names = in.below(8);
    tokens.resize(256);
    for (size_t b = 0; b < 256; ++b) tokens[(b + turn) % 256] = std::string(1, char(b));
    const size_t missing = in.byte();
    if (missing >= 128) tokens[(missing + turn) % 256] = "none";
    std::map<std::string, uint32_t> ids;
    for (uint32_t id = 0; id < 256; ++id) ids[tokens[id]] = id;
    std::set<std::pair<uint32_t, uint32_t>> known;
    for (size_t i = 0; i < wanted && !in.empty(); ++i) {
      const uint32_t left = pick(in, turn), right = pick(in, turn);
      const std::string joined = tokens[left] + tokens[right];
      if (joined.size() > kLongest || !known.insert({left, right}).second) continue;
      merges.push_back({left, right});
      if (ids.emplace(joined, uint32_t(tokens.size())).second) tokens.push_back(joined);
    }
    static const char* const kNames[] = {"<|a|>", "<|a|>b", "<|", "|>",
                                         "<|a",   "a",      "\n", "\xF0\x9F\x91"};
    for (size_t i = 0; i < names; ++i) {
      specials.push_back(uint32_t(tokens.size()));
      tokens.push_back(kNames[i]);
    }
  }

  std::unique_ptr<Bpe> bpe(const Splitter& splitter) const {
    return std::make_unique<Bpe>(tokens, merges, specials, splitter, ignore_merges);
  }

  // The ids of what is not special.
  std::map<std::string_view, uint32_t> plain_ids() const {
    std::map<std::string_view, uint32_t> ids;
    for (uint32_t id = 0; id < tokens.size() - specials.size(); ++id) ids[tokens[id]] = id;
    return ids;
  }

 private:
  // A byte means itself, or from 128 on one of the last tokens.
  uint32_t pick(Input& in, size_t turn) const {
    const size_t byte = in.byte(), merged = tokens.size() - 256;
    if (byte >= 128 && byte - 128 < merged) return uint32_t(tokens.size() - 1 - (byte - 128));
    return uint32_t((byte + turn) % 256);
  }
};

constexpr size_t kSplitNames = 7;

inline const char* split_name(size_t which, bool plain = false) {
  static const char* const kNames[kSplitNames][2] = {
      {"gpt2", "gpt2 plain"},     {"cl100k", "cl100k plain"}, {"o200k", "o200k plain"},
      {"llama3", "llama3 plain"}, {"qwen2", "qwen2 plain"},   {"tekken", "tekken plain"},
      {"smollm", "smollm plain"}};
  return kNames[which % kSplitNames][plain];
}

}  // namespace gpte
