// A trie of n-grams that grows where it must: only an n-gram that occurred twice has longer ones
// below it. Most n-grams of a text occur once, so most words cost two or three steps, not ten; the
// most that a text can cost is ten steps and ten nodes a word.
#include "text/repeats.h"

#include <algorithm>

#include "text/hash_bytes.h"

namespace gpte {
namespace {

struct Node {
  uint32_t count, first;  // occurrences, and the place of the first
};

// Of n-grams of two words and more. One is named by what is one word shorter, which is its length
// and where it occurred first, and the word that it goes on with.
class Trie {
 public:
  explicit Trie(size_t words) {
    size_t size = 64;
    while (size < 2 * words) size *= 2;
    slots_.resize(size);
  }

  // Of the n-gram of `length` words that stands at `first`, the one that goes on with the word;
  // made where it is new. What was returned before is no longer valid.
  Node& child(uint32_t first, int length, uint32_t word) {
    if (2 * (used_ + 1) > slots_.size()) grow();
    const uint64_t key = uint64_t(first) << 32 | uint64_t(word) << 4 | uint64_t(length);
    Slot& slot = slots_[find(key)];
    used_ += slot.key == 0;
    slot.key = key;
    return slot.node;
  }

 private:
  struct Slot {
    uint64_t key;  // 0 is free
    Node node;
  };

  size_t find(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t at = mix(key, seed_) & mask;
    while (slots_[at].key != 0 && slots_[at].key != key) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<Slot> old(2 * slots_.size());
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key != 0) slots_[find(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;
  size_t used_ = 0;
  const uint64_t seed_ = process_seeds().first;
};

}  // namespace

Repeats count_repeats(std::vector<uint32_t>& times, const std::vector<uint32_t>& ids,
                      const std::vector<uint32_t>& characters) {
  Repeats repeats;
  const size_t words = ids.size();
  std::vector<uint64_t> before(words + 1);  // characters of the words before a place
  for (size_t i = 0; i < words; ++i) before[i + 1] = before[i] + characters[i];
  uint32_t top_count[kTopLast + 1] = {};
  size_t covered[kRepeatLast + 1] = {};    // by n, the end of what was counted
  std::vector<Node> single(times.size());  // by word
  Trie trie(words);
  for (size_t i = 0; i < words; ++i) {
    Node* here = &single[ids[i]];
    for (int n = 1;; ++n) {
      const uint32_t count = ++here->count;
      if (count == 1) {
        here->first = uint32_t(i);
        break;
      }
      const size_t end = i + size_t(n);
      if (n >= kTopFirst && n <= kTopLast && count >= top_count[n]) {
        const auto covers = int64_t(count * (before[end] - before[i] + uint64_t(n) - 1));
        int64_t& top = repeats.top_characters[n - kTopFirst];
        top = count > top_count[n] ? covers : std::max(top, covers);
        top_count[n] = count;
      }
      if (n >= kRepeatFirst) {
        const size_t from = std::max(i, covered[n]);
        repeats.repeated_characters[n - kRepeatFirst] += int64_t(before[end] - before[from]);
        covered[n] = end;
      }
      if (n == kRepeatLast) break;
      const uint32_t first = here->first;
      if (count == 2) trie.child(first, n, ids[first + size_t(n)]) = {1, first};
      if (end == words) break;
      here = &trie.child(first, n, ids[end]);
    }
  }
  for (size_t id = 0; id < times.size(); ++id) times[id] = single[id].count;
  return repeats;
}

}  // namespace gpte
