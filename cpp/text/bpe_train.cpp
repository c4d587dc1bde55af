// Turns counted words into tokens that pairs are merged of, and the result into ids.
#include "text/bpe_train.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "core/check.h"
#include "text/unicode.h"
#include "text/word_end.h"

namespace gpte {
namespace {

// What merging takes for a word: its tokens, where its pairs occur, and the pairs. Of random text,
// which has most pairs, 20 to 28 bytes a byte were measured.
int64_t cost_of_merging(size_t bytes) {
  return 48 + 32 * int64_t(bytes);
}

// The bytes in the order of their ties.
std::array<uint8_t, 256> byte_order(BpeTrainer::Ties ties) {
  std::array<uint8_t, 256> order;
  size_t n = 0;
  const auto printable = [&](int b) {
    return ties == BpeTrainer::Ties::bytes || (b >= 33 && b <= 126) || (b >= 161 && b != 173);
  };
  for (int b = 0; b < 256; ++b) {
    if (printable(b)) order[n++] = uint8_t(b);
  }
  for (int b = 0; b < 256; ++b) {
    if (!printable(b)) order[n++] = uint8_t(b);
  }
  return order;
}

// Joins in a word what the merges of the base join.
class Base {
 public:
  Base(PairMerger& merger, const std::vector<Merge>& merges) : ranks_(merges.size()) {
    for (const Merge& merge : merges) {
      ids_.push_back(merger.add_token(merge.left, merge.right));
      ranks_.insert(merge.left, merge.right, uint32_t(ids_.size() - 1));
    }
  }

  void encode(std::vector<uint32_t>& tokens) const {
    if (ids_.empty()) return;
    for (;;) {
      uint32_t best = PairMap::kNone;
      for (size_t i = 0; i + 1 < tokens.size(); ++i) {
        best = std::min(best, ranks_.find(tokens[i], tokens[i + 1]));
      }
      if (best == PairMap::kNone) return;
      size_t out = 0;
      for (size_t i = 0; i < tokens.size(); ++out) {
        const bool found = i + 1 < tokens.size() && ranks_.find(tokens[i], tokens[i + 1]) == best;
        tokens[out] = found ? ids_[best] : tokens[i];
        i += found ? 2 : 1;
      }
      tokens.resize(out);
    }
  }

 private:
  std::vector<uint32_t> ids_;  // by rank
  PairMap ranks_;
};

std::vector<Merge> merges_of(const std::vector<PairMerger::Pair>& pairs) {
  std::vector<Merge> merges;
  for (const PairMerger::Pair& pair : pairs) merges.push_back({pair.left, pair.right});
  return merges;
}

}  // namespace

BpeTrainer::Learned BpeTrainer::train(int64_t vocab_size, const Options& options,
                                      const Poll& poll) {
  check(options.limits.min_frequency >= 1, "tokenizer: min_frequency is ",
        options.limits.min_frequency, " and must be at least 1");
  check(options.limits.max_token_length >= 0, "tokenizer: max_token_length is ",
        options.limits.max_token_length, " and must be at least 1");
  words_.drop_to_fit(cost_of_merging);
  if (characters_) return train_characters(vocab_size, options, poll);
  return train_bytes(vocab_size - 256 - int64_t(options.base.size()), options, poll);
}

BpeTrainer::Learned BpeTrainer::train_bytes(int64_t merges, const Options& options,
                                            const Poll& poll) {
  Learned learned;
  learned.report = words_.report();
  const std::array<uint8_t, 256> order = byte_order(options.ties);
  std::array<uint32_t, 256> place;
  std::vector<std::string> ordered;
  for (uint32_t i = 0; i < 256; ++i) {
    place[order[i]] = i;
    ordered.emplace_back(1, char(order[i]));
    learned.symbols.emplace_back(1, char(i));
  }
  const auto placed = [&](uint32_t id) { return id < 256 ? place[id] : id; };
  const auto named = [&](uint32_t token) { return token < 256 ? order[token] : token; };

  PairMerger merger(std::move(ordered), options.limits);
  std::vector<Merge> known;
  for (const Merge& merge : options.base) {
    const uint32_t id = 256 + uint32_t(known.size());
    check(merge.left < id && merge.right < id, "tokenizer: merge ", known.size(),
          " of the base joins ", merge.left, " and ", merge.right, ", of which one comes later");
    known.push_back({placed(merge.left), placed(merge.right)});
  }
  const Base base(merger, known);
  std::vector<uint32_t> tokens;
  words_.consume([&](std::string_view word, int64_t count) {
    tokens.clear();
    for (const char letter : word) tokens.push_back(place[uint8_t(letter)]);
    base.encode(tokens);
    if (tokens.size() > 1) merger.add_word(tokens, count);
  });
  for (const PairMerger::Pair& pair : merger.run(merges, poll)) {
    learned.merges.push_back({named(pair.left), named(pair.right)});
  }
  return learned;
}

BpeTrainer::Learned BpeTrainer::train_characters(int64_t vocab_size, const Options& options,
                                                 const Poll& poll) {
  check(options.base.empty(), "tokenizer: a vocabulary of characters cannot be continued");
  Learned learned;
  learned.report = words_.report();
  // A word's space at the end says that it is whole, so that its last character carries </w>.
  const auto for_each_character = [](std::string_view word, auto f) {
    const auto* p = reinterpret_cast<const uint8_t*>(word.data());
    const bool whole = word.back() == ' ';
    const uint8_t* end = p + word.size() - whole;
    while (p < end) {
      const int length = decode_utf8(p, end).length;
      std::string symbol(reinterpret_cast<const char*>(p), size_t(length));
      p += length;
      f(p == end && whole ? symbol + ' ' : symbol);
    }
  };
  std::map<std::string, uint32_t> ids;  // spelled with a space for </w>: sorts behind the plain one
  words_.for_each([&](std::string_view word, int64_t) {
    for_each_character(word, [&](const std::string& symbol) { ids.emplace(symbol, 0); });
  });
  for (auto& [symbol, id] : ids) {
    id = uint32_t(learned.symbols.size());
    const bool last = symbol.back() == ' ';
    learned.symbols.push_back(last ? symbol.substr(0, symbol.size() - 1) : symbol);
    if (last) learned.symbols.back() += kEndOfWord;
  }
  PairMerger::Limits limits = options.limits;
  limits.mark = kEndOfWord;
  PairMerger merger(learned.symbols, std::move(limits));
  std::vector<uint32_t> tokens;
  words_.consume([&](std::string_view word, int64_t count) {
    tokens.clear();
    for_each_character(word, [&](const std::string& symbol) { tokens.push_back(ids[symbol]); });
    if (tokens.size() > 1) merger.add_word(tokens, count);
  });
  learned.merges = merges_of(merger.run(vocab_size - int64_t(learned.symbols.size()), poll));
  return learned;
}

}  // namespace gpte
