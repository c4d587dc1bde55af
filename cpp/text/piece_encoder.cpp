#include "text/piece_encoder.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/memory.h"
#include "text/pair_queue.h"
#include "text/spaces.h"
#include "text/unicode.h"
#include "text/word_end.h"

namespace gpte {
namespace {

constexpr uint32_t kNone = MergeTable::kNone;
constexpr int kShort = 64;  // up to here a scan for the lowest rank beats a heap

}  // namespace

int64_t MergeEncoder::encode(uint32_t* ids, const uint8_t* p, int64_t length, Pulse& pulse) const {
  if (whole_) {
    ids[0] = whole_->find(p, size_t(length));
    if (ids[0] != kNone) return 1;
  }
  return merge(ids, start(ids, p, length), pulse);
}

int64_t MergeEncoder::start(uint32_t* ids, const uint8_t* p, int64_t length) const {
  for (int64_t i = 0; i < length; ++i) ids[i] = byte_id_[p[i]];
  return length;
}

int64_t WordEncoder::start(uint32_t* ids, const uint8_t* p, int64_t length) const {
  int64_t count = 0;
  std::string symbol;
  const uint8_t* last = nullptr;  // the character before this one
  int last_length = 0;
  const auto write = [&](bool ends) {
    if (!last) return;
    symbol.assign(reinterpret_cast<const char*>(last), size_t(last_length));
    if (ends) symbol += kEndOfWord;
    uint32_t id = tokens_.find(symbol);
    if (id == kNone) id = unknown_;
    check(id != kNone, "tokenizer: no token for ", symbol, ", and none for what is unknown");
    ids[count++] = id;
  };
  for (const uint8_t* end = p + length; p < end; p += last_length) {
    int size = 0;
    if (CharClasses::get().at(p, end, size) == CharClass::kSpace) {
      write(true);
      last = nullptr;
      last_length = size;
      continue;
    }
    write(false);
    last = p;
    last_length = size;
  }
  write(true);
  return count;
}

CharacterEncoder::CharacterEncoder(MergeTable table, const TokenMap& tokens,
                                   const uint32_t* byte_id)
    : MergeEncoder(std::move(table), nullptr, nullptr),
      tokens_(tokens),
      byte_id_(byte_id),
      space_(tokens.find(kSpaceLetter)) {
  for (uint8_t c = 0; c < ascii_.size(); ++c) {
    const uint32_t id = tokens.find(&c, 1);
    ascii_[c] = id != kNone ? id : byte_id[c];
  }
}

int64_t CharacterEncoder::start(uint32_t* ids, const uint8_t* p, int64_t length) const {
  int64_t count = 0;
  for (const uint8_t* end = p + length; p < end;) {
    if (const int space = space_at(p, end)) {
      ids[count++] = space_;
      p += space;
      continue;
    }
    if (*p < 0x80) {
      ids[count++] = ascii_[*p++];
      continue;
    }
    const Char c = decode_utf8(p, end);
    const uint32_t id = c.state == Utf8::kValid ? tokens_.find(p, size_t(c.length)) : kNone;
    if (id != kNone) ids[count++] = id;
    for (int i = 0; i < c.length && id == kNone; ++i) ids[count++] = byte_id_[p[i]];
    p += c.length;
  }
  return count;
}

int64_t MergeEncoder::merge(uint32_t* ids, int64_t n, Pulse& pulse) const {
  if (n == 0) return 0;
  return n <= kShort ? merge_short(ids, int(n)) : merge_long(ids, n, pulse);
}

int64_t MergeEncoder::merge_short(uint32_t* ids, int n) const {
  uint32_t rank[kShort];  // of the pair (i, i + 1)
  for (int i = 0; i + 1 < n; ++i) rank[i] = table_.rank(ids[i], ids[i + 1]);
  while (n > 1) {
    int best = 0;
    uint32_t lowest = rank[0];
    for (int i = 1; i + 1 < n; ++i) {
      const bool lower = rank[i] < lowest;
      lowest = lower ? rank[i] : lowest;
      best = lower ? i : best;
    }
    if (lowest == kNone) break;
    ids[best] = table_.joined(lowest);
    --n;
    for (int i = best + 1; i < n; ++i) ids[i] = ids[i + 1];
    for (int i = best + 1; i + 1 < n; ++i) rank[i] = rank[i + 1];
    if (best + 1 < n) rank[best] = table_.rank(ids[best], ids[best + 1]);
    if (best > 0) rank[best - 1] = table_.rank(ids[best - 1], ids[best]);
  }
  return n;
}

// A linked list of tokens and a queue of pairs by (rank, position): O(n log n) for any input. A
// pair whose tokens have changed since it was queued no longer has its rank, and is dropped.
struct MergeEncoder::Chain {
  struct Node {
    uint32_t id, previous, next;  // id is kNone once the token was joined to its left neighbour
  };
  using Pair = PairQueue::Pair;

  Chain(const MergeTable& t, const uint32_t* ids, int64_t count, Pulse& pulse)
      : table(t),
        n(uint32_t(count)),
        memory(allocate(count * int64_t(sizeof(Node)))),
        nodes(static_cast<Node*>(memory.get())),
        pairs(2 * count, t.ranks()) {  // every join takes a pair and adds two at most
    check(count < int64_t(kNone), "tokenizer: a piece of ", count, " tokens is too long");
    for (uint32_t i = 0; i < n; ++i) nodes[i] = {ids[i], i - 1, i + 1};
    for (uint32_t i = 0; i + 1 < n; ++i) {
      queue(i);
      pulse.beat(4);
    }
  }

  uint32_t rank_at(uint32_t i) const { return table.rank(nodes[i].id, nodes[nodes[i].next].id); }
  bool stale(const Pair& pair) const {
    const Node& node = nodes[pair.at];
    return node.id == kNone || node.next >= n || rank_at(pair.at) != pair.rank;
  }
  void queue(uint32_t i) {
    const uint32_t rank = rank_at(i);
    if (rank != kNone) pairs.push({rank, i});
  }
  void join(const Pair& pair) {
    Node &node = nodes[pair.at], &right = nodes[node.next];
    node.id = table.joined(pair.rank);
    node.next = right.next;
    right.id = kNone;
    if (node.next < n) {
      nodes[node.next].previous = pair.at;
      queue(pair.at);
    }
    if (pair.at > 0) queue(node.previous);
  }
  int64_t write(uint32_t* ids) const {
    int64_t count = 0;
    for (uint32_t i = 0; i < n; i = nodes[i].next) ids[count++] = nodes[i].id;
    return count;
  }

  const MergeTable& table;
  const uint32_t n;
  const std::shared_ptr<void> memory;
  Node* const nodes;
  PairQueue pairs;
};

int64_t MergeEncoder::merge_long(uint32_t* ids, int64_t n, Pulse& pulse) const {
  Chain chain(table_, ids, n, pulse);
  for (Chain::Pair pair; chain.pairs.pop(pair);) {
    pulse.beat(16);
    if (!chain.stale(pair)) chain.join(pair);
  }
  return chain.write(ids);
}

std::vector<Join> MergeEncoder::joins(std::vector<uint32_t>& ids, std::string_view piece,
                                      Pulse& pulse) const {
  const auto* p = reinterpret_cast<const uint8_t*>(piece.data());
  ids.resize(piece.size());
  ids.resize(size_t(start(ids.data(), p, int64_t(piece.size()))));
  std::vector<Join> joins;
  Chain chain(table_, ids.data(), int64_t(ids.size()), pulse);
  for (Chain::Pair pair; chain.pairs.pop(pair);) {
    pulse.beat(16);
    if (chain.stale(pair)) continue;
    chain.join(pair);
    joins.push_back({pair.at, pair.rank, table_.joined(pair.rank)});
  }
  return joins;
}

int64_t GreedyEncoder::encode(uint32_t* ids, const uint8_t* p, int64_t length, Pulse& pulse) const {
  int64_t count = 0;
  for (const uint8_t* end = p + length; p < end; ++count) {
    const uint8_t* after = p;
    uint32_t node = 0;
    const uint8_t* q = p;
    while (q < end) {
      node = trie_.step(node, *q++);
      if (node == kNone) break;
      if (trie_.token(node) == kNone) continue;
      ids[count] = trie_.token(node);
      after = q;
    }
    pulse.beat(q - p);
    p = after;
  }
  return count;
}

}  // namespace gpte
