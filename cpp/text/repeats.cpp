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

class Trie {
 public:
  Trie(uint32_t distinct, size_t words) : nodes_(distinct) {
    size_t size = 64;
    while (size < 2 * words) size *= 2;
    slots_.resize(size);
    nodes_.reserve(distinct + words);
  }

  Node& operator[](uint32_t node) { return nodes_[node]; }

  // Of the n-gram of that node, the one that goes on with the word; made where it is new.
  uint32_t child(uint32_t node, uint32_t word) {
    if (2 * (used_ + 1) > slots_.size()) grow();
    const uint64_t key = (uint64_t(node) << 32 | word) + 1;
    Slot& slot = slots_[find(key)];
    if (slot.key == 0) {
      slot = {key, uint32_t(nodes_.size())};
      nodes_.push_back({0, 0});
      ++used_;
    }
    return slot.node;
  }

 private:
  struct Slot {
    uint64_t key;  // 0 is free
    uint32_t node;
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

  std::vector<Node> nodes_;
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
  size_t covered[kRepeatLast + 1] = {};  // by n, the end of what was counted
  Trie trie(uint32_t(times.size()), words);
  for (size_t i = 0; i < words; ++i) {
    uint32_t node = ids[i];
    for (int n = 1;; ++n) {
      Node& here = trie[node];
      const uint32_t count = ++here.count;
      if (count == 1) {
        here.first = uint32_t(i);
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
      const uint32_t first = here.first;  // `here` moves when nodes are made
      if (count == 2) {
        const uint32_t longer = trie.child(node, ids[first + size_t(n)]);
        trie[longer] = {1, first};
      }
      if (end == words) break;
      node = trie.child(node, ids[end]);
    }
  }
  for (size_t id = 0; id < times.size(); ++id) times[id] = trie[uint32_t(id)].count;
  return repeats;
}

}  // namespace gpte
