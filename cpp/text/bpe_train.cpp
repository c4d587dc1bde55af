// Counts distinct pieces once, then keeps the pair counts up to date merge by merge: each pair
// knows the words that it occurs in, and a heap gives the most frequent pair.
#include "text/bpe_train.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "core/check.h"

namespace gpte {
namespace {

// A longer piece is cut here before it is counted: every merge rescans the words that it touches,
// so one endless piece would make training quadratic.
constexpr size_t kLongestWord = 1024;

std::vector<SpecialTokens::Special> numbered(std::vector<std::string> names) {
  std::vector<SpecialTokens::Special> out;
  for (std::string& name : names) out.push_back({std::move(name), uint32_t(out.size())});
  return out;
}

// Words as they are merged, their pairs, and the queue of pairs.
class Merger {
 public:
  void add_word(std::string_view letters, int64_t count) {
    check(words_.size() < PairMap::kNone, "tokenizer: too many distinct words to train on");
    words_.push_back({tokens_.size(), letters.size(), count});
    for (const char letter : letters) tokens_.push_back(uint8_t(letter));
    const auto word = uint32_t(words_.size() - 1);
    for (size_t i = words_[word].start; i + 1 < tokens_.size(); ++i) {
      change(tokens_[i], tokens_[i + 1], count, word);
    }
  }

  std::vector<Merge> run(int64_t count, int64_t min_frequency) {
    std::vector<Merge> merges;
    queue_from(0);
    while (int64_t(merges.size()) < count && !heap_.empty()) {
      Queued best = heap_.top();
      heap_.pop();
      Pair& pair = pairs_[best.pair];
      if (pair.count != best.count) {
        // Counts of queued pairs only fall: new occurrences all hold the newest token.
        best.count = pair.count;
        if (best.count >= min_frequency) heap_.push(best);
        continue;
      }
      if (best.count < min_frequency) break;
      merges.push_back(pair.merge);
      const size_t known = pairs_.size();
      const std::vector<uint32_t> words = std::move(pair.words);
      const Merge merge = pair.merge;
      for (const uint32_t word : words) join(word, merge, uint32_t(255 + merges.size()));
      queue_from(known);
    }
    return merges;
  }

 private:
  struct Word {
    size_t start, size;
    int64_t count;
  };
  struct Pair {
    Merge merge;
    int64_t count;
    std::vector<uint32_t> words;  // that it occurs in or once did
  };
  struct Queued {
    int64_t count;
    Merge merge;
    uint32_t pair;
    bool operator<(const Queued& other) const {
      if (count != other.count) return count < other.count;
      if (merge.left != other.merge.left) return merge.left > other.merge.left;
      return merge.right > other.merge.right;
    }
  };

  void change(uint32_t left, uint32_t right, int64_t count, uint32_t word) {
    const uint32_t i = index_.insert(left, right, uint32_t(pairs_.size()));
    if (i == pairs_.size()) pairs_.push_back({{left, right}, 0, {}});
    Pair& pair = pairs_[i];
    pair.count += count;
    if (count > 0 && (pair.words.empty() || pair.words.back() != word)) pair.words.push_back(word);
  }

  // Replaces the pair by the new token in one word, from left to right.
  void join(uint32_t word, Merge merge, uint32_t id) {
    const auto [start, size, count] = words_[word];
    uint32_t* t = &tokens_[start];
    size_t out = 0;
    for (size_t i = 0; i < size; ++out) {
      if (i + 1 == size || t[i] != merge.left || t[i + 1] != merge.right) {
        t[out] = t[i++];
        continue;
      }
      change(merge.left, merge.right, -count, word);
      if (out > 0) {
        change(t[out - 1], merge.left, -count, word);
        change(t[out - 1], id, count, word);
      }
      if (i + 2 < size) {
        change(merge.right, t[i + 2], -count, word);
        change(id, t[i + 2], count, word);
      }
      t[out] = id;
      i += 2;
    }
    words_[word].size = out;
  }

  void queue_from(size_t first) {
    for (size_t i = first; i < pairs_.size(); ++i) {
      if (pairs_[i].count > 0) heap_.push({pairs_[i].count, pairs_[i].merge, uint32_t(i)});
    }
  }

  std::vector<Word> words_;
  std::vector<uint32_t> tokens_;  // of all words, end to end
  std::vector<Pair> pairs_;
  PairMap index_;  // of pairs_
  std::priority_queue<Queued> heap_;
};

}  // namespace

BpeTrainer::BpeTrainer(std::vector<std::string> specials, const Splitter& splitter)
    : specials_(numbered(std::move(specials))), splitter_(splitter), words_(size_t{1} << 12) {}

void BpeTrainer::add(std::string_view text) {
  bytes_ += int64_t(text.size());
  size_t at = 0;
  for (;;) {
    const SpecialTokens::Match match = specials_.find(text, at);
    if (match.end == 0) break;
    add_plain(text.substr(at, match.start - at));
    at = match.end;
  }
  add_plain(text.substr(at));
}

void BpeTrainer::add_plain(std::string_view text) {
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  constexpr int64_t kRoom = 256;
  uint32_t lengths[kRoom];
  while (p < end) {
    const int64_t pieces =
        splitter_.split({reinterpret_cast<const char*>(p), size_t(end - p)}, lengths, kRoom);
    for (int64_t i = 0; i < pieces; p += lengths[i++]) {
      const std::string_view piece(reinterpret_cast<const char*>(p), lengths[i]);
      for (size_t at = 0; at < piece.size(); at += kLongestWord) {
        count_word(piece.substr(at, kLongestWord));
      }
    }
  }
}

void BpeTrainer::count_word(std::string_view word) {
  const uint64_t hash = std::hash<std::string_view>{}(word);
  Word& slot = words_[place(hash, word)];
  if (slot.size > 0) {
    ++slot.count;
    return;
  }
  slot = {hash, letters_.size(), uint32_t(word.size()), 1};
  letters_.append(word);
  if (++used_ * 2 > words_.size()) grow();
}

size_t BpeTrainer::place(uint64_t hash, std::string_view word) const {
  const size_t mask = words_.size() - 1;
  size_t i = hash & mask;
  while (words_[i].size > 0 &&
         (words_[i].hash != hash || words_[i].size != word.size() ||
          std::string_view(&letters_[words_[i].start], word.size()) != word)) {
    i = (i + 1) & mask;
  }
  return i;
}

void BpeTrainer::grow() {
  std::vector<Word> old(words_.size() * 2);
  old.swap(words_);
  const size_t mask = words_.size() - 1;
  for (const Word& word : old) {
    if (word.size == 0) continue;
    size_t i = word.hash & mask;
    while (words_[i].size > 0) i = (i + 1) & mask;
    words_[i] = word;
  }
}

std::vector<Merge> BpeTrainer::train(int64_t count, int64_t min_frequency) const {
  check(count >= 0, "tokenizer: the number of merges is ", count, " and must not be negative");
  check(min_frequency >= 1, "tokenizer: min_frequency is ", min_frequency,
        " and must be at least 1");
  Merger merger;
  for (const Word& word : words_) {
    if (word.size > 0) merger.add_word({&letters_[word.start], word.size}, word.count);
  }
  return merger.run(count, min_frequency);
}

}  // namespace gpte
