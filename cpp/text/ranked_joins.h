// The joins that are possible in a piece, ordered by rank and then from left to right: any of them
// by its number in that order, in O(log n).
//
// A treap (Seidel and Aragon, 1996) over places in the piece, each of which has at most one join.
// Its shape is drawn, for no text to make it deep, and decides about nothing.
#pragma once

#include <cstdint>
#include <memory>

#include "core/memory.h"
#include "text/hash_bytes.h"

namespace gpte {

class RankedJoins {
 public:
  static constexpr uint32_t kNone = ~0u;

  // For places below n.
  explicit RankedJoins(uint32_t n)
      : memory_(allocate(int64_t(n) * int64_t(sizeof(Node)))),
        nodes_(static_cast<Node*>(memory_.get())) {
    for (uint32_t i = 0; i < n; ++i) nodes_[i].rank = kNone;
  }

  uint32_t size() const { return size_of(root_); }
  // Of the join at a place; kNone if there is none.
  uint32_t rank(uint32_t at) const { return nodes_[at].rank; }

  // The place of the join before which there are k others.
  uint32_t operator[](uint32_t k) const {
    for (uint32_t at = root_;;) {
      const Node& node = nodes_[at];
      const uint32_t before = size_of(node.left);
      if (k == before) return at;
      at = k < before ? node.left : node.right;
      if (k > before) k -= before + 1;
    }
  }

  // Changes the rank at a place; kNone takes the join away.
  void set(uint32_t at, uint32_t rank) {
    if (nodes_[at].rank != kNone) erase(at);
    nodes_[at].rank = rank;
    if (rank != kNone) insert(at);
  }

 private:
  struct Node {
    uint32_t rank, left, right, size;
  };

  uint32_t size_of(uint32_t at) const { return at == kNone ? 0 : nodes_[at].size; }
  void count(Node& node) const { node.size = 1 + size_of(node.left) + size_of(node.right); }
  bool before(uint32_t a, uint32_t b) const {
    return nodes_[a].rank != nodes_[b].rank ? nodes_[a].rank < nodes_[b].rank : a < b;
  }
  uint64_t priority(uint32_t at) const { return mix(at ^ seeds_.first, seeds_.second); }

  void insert(uint32_t at) {
    uint32_t* link = &root_;
    const uint64_t own = priority(at);
    while (*link != kNone && priority(*link) >= own) {
      Node& node = nodes_[*link];
      ++node.size;
      link = before(at, *link) ? &node.left : &node.right;
    }
    split(*link, at, nodes_[at].left, nodes_[at].right);
    count(nodes_[at]);
    *link = at;
  }

  void erase(uint32_t at) {
    uint32_t* link = &root_;
    while (*link != at) {
      Node& node = nodes_[*link];
      --node.size;
      link = before(at, *link) ? &node.left : &node.right;
    }
    *link = merged(nodes_[at].left, nodes_[at].right);
  }

  // What is before and behind a place that is not in the tree.
  void split(uint32_t tree, uint32_t at, uint32_t& left, uint32_t& right) {
    if (tree == kNone) {
      left = right = kNone;
      return;
    }
    Node& node = nodes_[tree];
    if (before(tree, at)) {
      left = tree;
      split(node.right, at, node.right, right);
    } else {
      right = tree;
      split(node.left, at, left, node.left);
    }
    count(node);
  }

  uint32_t merged(uint32_t left, uint32_t right) {
    if (left == kNone) return right;
    if (right == kNone) return left;
    const bool left_first = priority(left) >= priority(right);
    Node& node = nodes_[left_first ? left : right];
    (left_first ? node.right : node.left) =
        left_first ? merged(node.right, right) : merged(left, node.left);
    count(node);
    return left_first ? left : right;
  }

  const std::shared_ptr<void> memory_;
  Node* const nodes_;
  uint32_t root_ = kNone;
  const HashSeeds seeds_ = process_seeds();
};

}  // namespace gpte
