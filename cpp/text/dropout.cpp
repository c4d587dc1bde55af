// Merging with dropout: a scan of short pieces, a tree of the joins of long ones.
#include "text/dropout.h"

#include <algorithm>

#include "core/check.h"
#include "text/piece_encoder.h"
#include "text/ranked_joins.h"

namespace gpte {
namespace {

constexpr uint32_t kNone = MergeTable::kNone;
constexpr int64_t kShort = 64;

// How many joins each step leaves out: the draws of (seed, stream).
struct Steps {
  const Dropout& dropout;
  uint64_t seed, stream, index = 0;

  uint64_t left_out() { return dropout.left_out(Philox(seed, stream, index++)); }
};

int64_t short_piece(const MergeTable& table, uint32_t* ids, int64_t n, Steps steps) {
  uint32_t ranks[kShort];  // of the pair (i, i + 1)
  uint64_t joins[kShort];  // rank and place
  for (int64_t i = 0; i + 1 < n; ++i) ranks[i] = table.rank(ids[i], ids[i + 1]);
  for (;;) {
    uint64_t possible = 0;
    for (int64_t i = 0; i + 1 < n; ++i) {
      joins[possible] = uint64_t(ranks[i]) << 32 | uint64_t(i);
      possible += ranks[i] != kNone;
    }
    const uint64_t k = possible > 0 ? steps.left_out() : 0;
    if (k >= possible) return n;
    std::nth_element(joins, joins + k, joins + possible);
    const auto at = int64_t(uint32_t(joins[k]));
    ids[at] = table.joined(ranks[at]);
    --n;
    std::copy(ids + at + 2, ids + n + 1, ids + at + 1);
    std::copy(ranks + at + 1, ranks + n, ranks + at);
    if (at + 1 < n) ranks[at] = table.rank(ids[at], ids[at + 1]);
    if (at > 0) ranks[at - 1] = table.rank(ids[at - 1], ids[at]);
  }
}

int64_t long_piece(const MergeTable& table, uint32_t* ids, int64_t count, Steps steps,
                   Pulse& pulse) {
  check(count < int64_t(kNone), "tokenizer: a piece of ", count, " tokens is too long");
  struct Node {
    uint32_t id, previous, next;
  };
  const auto n = uint32_t(count);
  const std::shared_ptr<void> memory = allocate(count * int64_t(sizeof(Node)));
  auto* nodes = static_cast<Node*>(memory.get());
  for (uint32_t i = 0; i < n; ++i) nodes[i] = {ids[i], i - 1, i + 1};
  RankedJoins joins(n);
  const auto look = [&](uint32_t at) {
    const uint32_t next = nodes[at].next;
    joins.set(at, next < n ? table.rank(nodes[at].id, nodes[next].id) : kNone);
    pulse.beat(16);
  };
  for (uint32_t i = 0; i < n; ++i) look(i);
  for (;;) {
    const uint64_t k = joins.size() > 0 ? steps.left_out() : 0;
    if (k >= joins.size()) break;
    const uint32_t at = joins[uint32_t(k)];
    Node &node = nodes[at], &right = nodes[node.next];
    node.id = table.joined(joins.rank(at));
    joins.set(node.next, kNone);
    node.next = right.next;
    if (node.next < n) nodes[node.next].previous = at;
    look(at);
    if (at > 0) look(node.previous);
  }
  int64_t left = 0;
  for (uint32_t i = 0; i < n; i = nodes[i].next) ids[left++] = nodes[i].id;
  return left;
}

}  // namespace

int64_t MergeEncoder::encode_with_dropout(uint32_t* ids, const uint8_t* p, int64_t length,
                                          const Dropout& dropout, uint64_t seed, uint64_t stream,
                                          Pulse& pulse) const {
  const int64_t n = start(ids, p, length);
  const Steps steps{dropout, seed, stream};
  return n <= kShort ? short_piece(table_, ids, n, steps)
                     : long_piece(table_, ids, n, steps, pulse);
}

}  // namespace gpte
