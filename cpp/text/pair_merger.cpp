#include "text/pair_merger.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/check.h"
#include "text/word_end.h"

namespace gpte {
namespace {

constexpr uint32_t kUnknown = PairMap::kNone;
constexpr size_t kHeader = 4;               // numbers before a word's tokens
constexpr size_t kBlock = size_t(1) << 18;  // numbers
constexpr size_t kAhead = 12;               // words fetched from memory before their turn
constexpr int64_t kStep = 16;               // how much rarer the pairs of the next round may be
constexpr int64_t kPollEvery = 1 << 16;     // words

int64_t count_of(const uint32_t* word) {
  int64_t count;
  std::memcpy(&count, word, sizeof count);
  return count;
}

}  // namespace

PairMerger::PairMerger(std::vector<std::string> symbols, Limits limits)
    : limits_(std::move(limits)), texts_(std::move(symbols)) {}

void PairMerger::add_word(const std::vector<uint32_t>& tokens, int64_t count) {
  check(words_.size() + kHeader + tokens.size() < UINT32_MAX,
        "tokenizer: too many distinct words to train on: set a smaller memory");
  uint32_t halves[2];
  std::memcpy(halves, &count, sizeof count);
  words_.insert(words_.end(),
                {halves[0], halves[1], uint32_t(tokens.size()), uint32_t(tokens.size())});
  words_.insert(words_.end(), tokens.begin(), tokens.end());
}

uint32_t PairMerger::add_token(uint32_t left, uint32_t right) {
  texts_.push_back(texts_[left] + texts_[right]);
  return uint32_t(texts_.size() - 1);
}

std::vector<PairMerger::Pair> PairMerger::run(int64_t count, const Poll& poll) {
  std::vector<Pair> merges;
  int64_t visits = 0;
  wanted_ = count;
  know(poll);
  while (int64_t(merges.size()) < count) {
    if (heap_.empty()) {
      if (least_ <= limits_.min_frequency) break;
      know(poll);
      continue;
    }
    Queued best = heap_.top();
    heap_.pop();
    const Known& pair = pairs_[best.pair];
    if (pair.count != best.count) {
      best.count = pair.count;
      if (best.count >= least_) heap_.push(best);
      continue;
    }
    const Pair merged{uint32_t(best.key >> 32), uint32_t(best.key)};
    merges.push_back(merged);
    visits += pair.size;
    merge(best.pair, add_token(merged.left, merged.right));
    done_ = int64_t(merges.size());
    if (visits >= kPollEvery) {
      visits = 0;
      poll("merge", done_, wanted_);
    }
    if (listed_ > 2 * words_.size() + kBlock * 16) know(poll);  // most of what is listed is stale
  }
  return merges;
}

// Goes through all words, and from then on knows the most frequent pairs.
void PairMerger::know(const Poll& poll) {
  heap_ = {};
  pairs_.clear();
  blocks_.clear();
  block_used_ = block_size_ = listed_ = 0;
  compact();

  struct Seen {
    int64_t count;
    uint32_t entries, pair;
  };
  PairMap places;
  std::vector<uint64_t> keys;
  std::vector<Seen> seen;
  for_each_word(poll, [&](uint32_t, const uint32_t* t, uint32_t size, int64_t count) {
    for (uint32_t i = 0; i + 1 < size; ++i) {
      const uint32_t place = places.insert(t[i], t[i + 1], uint32_t(seen.size()));
      if (place == seen.size()) {
        keys.push_back(key_of(t[i], t[i + 1]));
        seen.push_back({0, 0, kUnknown});
      }
      seen[place].count += count;
      ++seen[place].entries;
    }
  });

  int64_t top = 0;
  for (size_t i = 0; i < seen.size(); ++i) {
    if (seen[i].count > top && allowed(keys[i])) top = seen[i].count;
  }
  least_ = std::max(limits_.min_frequency, top / kStep);
  index_ = PairMap();
  for (size_t i = 0; i < seen.size(); ++i) {
    if (seen[i].count < least_ || !allowed(keys[i])) continue;
    seen[i].pair = add_pair(keys[i], seen[i].count, seen[i].entries);
  }
  for_each_word(poll, [&](uint32_t word, const uint32_t* t, uint32_t size, int64_t) {
    for (uint32_t i = 0; i + 1 < size; ++i) {
      const uint32_t pair = seen[places.find(t[i], t[i + 1])].pair;
      if (pair != kUnknown) append(pairs_[pair], word);
    }
  });
}

// Moves the words together: what no longer holds a pair goes.
void PairMerger::compact() {
  size_t end = 0;
  for (size_t at = 0; at < words_.size();) {
    uint32_t* word = &words_[at];
    const uint32_t size = word[2], room = word[3];
    if (size > 1) {
      word[3] = size;
      std::memmove(&words_[end], word, (kHeader + size) * sizeof(uint32_t));
      end += kHeader + size;
    }
    at += kHeader + room;
  }
  words_.resize(end);
}

template <class F>
void PairMerger::for_each_word(const Poll& poll, F&& f) const {
  size_t next_poll = kPollEvery;
  for (size_t at = 0; at < words_.size();) {
    const uint32_t* word = &words_[at];
    f(uint32_t(at), word + kHeader, word[2], count_of(word));
    at += kHeader + word[3];
    if (at >= next_poll) {
      poll("merge", done_, wanted_);
      next_poll = at + kPollEvery;
    }
  }
}

uint32_t PairMerger::add_pair(uint64_t key, int64_t count, uint32_t entries) {
  const auto pair = uint32_t(pairs_.size());
  index_.insert(uint32_t(key >> 32), uint32_t(key), pair);
  pairs_.push_back({key, count, room(entries), 0});
  heap_.push({count, key, pair});
  return pair;
}

void PairMerger::append(Known& pair, uint32_t word) {
  if (pair.size == 0 || pair.words[pair.size - 1] != word) pair.words[pair.size++] = word;
}

uint32_t* PairMerger::room(size_t n) {
  if (block_used_ + n > block_size_) {
    block_size_ = std::max(n, kBlock);
    block_used_ = 0;
    blocks_.emplace_back(new uint32_t[block_size_]);
  }
  block_used_ += n;
  listed_ += n;
  return blocks_.back().get() + block_used_ - n;
}

bool PairMerger::allowed(uint64_t key) const {
  if (limits_.max_token_length == 0 && limits_.forbidden.empty() && limits_.mark.empty()) {
    return true;
  }
  const std::string &left = texts_[key >> 32], &right = texts_[uint32_t(key)];
  if (right.size() < limits_.mark.size() && ends_with(left + right, limits_.mark)) return false;
  const auto size = int64_t(left.size() + right.size());
  if (limits_.max_token_length > 0 && size > limits_.max_token_length) return false;
  return limits_.forbidden.empty() || limits_.forbidden.count(left + right) == 0;
}

void PairMerger::merge(uint32_t known, uint32_t id) {
  const Known pair = pairs_[known];
  const auto left = uint32_t(pair.key >> 32), right = uint32_t(pair.key);
  before_.resize(texts_.size());
  after_.resize(texts_.size());
  for (uint32_t i = 0; i < pair.size; ++i) {
    if (i + kAhead < pair.size) __builtin_prefetch(&words_[pair.words[i + kAhead]]);
    join(pair.words[i], left, right, id);
  }
  settle(
      before_, [&](uint32_t t) { return key_of(t, left); },
      [&](uint32_t t) { return key_of(t, id); });
  settle(
      after_, [&](uint32_t t) { return key_of(right, t); },
      [&](uint32_t t) { return key_of(id, t); });
  pairs_[known].count = 0;
}

// Replaces the pair by the new token in one word, from left to right.
void PairMerger::join(uint32_t word, uint32_t left, uint32_t right, uint32_t id) {
  uint32_t* const header = &words_[word];
  uint32_t* const t = header + kHeader;
  const uint32_t size = header[2];
  uint32_t i = 0;
  while (i + 1 < size && (t[i] != left || t[i + 1] != right)) ++i;
  if (i + 1 >= size) return;  // other merges took the pair away
  const int64_t count = count_of(header);
  uint32_t out = i;
  while (i < size) {
    if (i + 1 == size || t[i] != left || t[i + 1] != right) {
      t[out++] = t[i++];
      continue;
    }
    if (out > 0) {
      // Behind a pair that was joined just now, its right half is the old neighbour.
      const uint32_t neighbour = t[out - 1];
      before_.lose(neighbour == id ? right : neighbour, count);
      before_.gain(neighbour, count, word);
    }
    const bool again = i + 3 < size && t[i + 2] == left && t[i + 3] == right;
    if (i + 2 < size && !again) {
      after_.lose(t[i + 2], count);
      after_.gain(t[i + 2], count, word);
    }
    t[out++] = id;
    i += 2;
  }
  header[2] = out;
}

// Changes the counts of the pairs of all neighbours on one side, and lists the words of new pairs.
template <class Old, class New>
void PairMerger::settle(Side& side, Old old_pair, New new_pair) {
  for (const uint32_t neighbour : side.touched) {
    Change& change = side.changes[neighbour];
    if (change.loss > 0) {
      const uint64_t key = old_pair(neighbour);
      const uint32_t pair = index_.find(uint32_t(key >> 32), uint32_t(key));
      if (pair != kUnknown) pairs_[pair].count -= change.loss;
    }
    change.pair = kUnknown;
    if (change.gain >= least_ && allowed(new_pair(neighbour))) {
      change.pair = add_pair(new_pair(neighbour), change.gain, change.entries);
    }
  }
  for (const Entry& entry : side.entries) {
    const uint32_t pair = side.changes[entry.neighbour].pair;
    if (pair != kUnknown) append(pairs_[pair], entry.word);
  }
  for (const uint32_t neighbour : side.touched) side.changes[neighbour] = Change{};
  side.touched.clear();
  side.entries.clear();
}

}  // namespace gpte
