// Names read from their ends (Aho and Corasick, 1975): a text that is read backwards tells at each
// place the longest name that starts there, in a number of steps that is linear in the text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/pair_map.h"

namespace gpte {

class NameAutomaton {
 public:
  static constexpr uint32_t kNone = PairMap::kNone;

  // A name is known by its place in the list, which must not hold one twice.
  explicit NameAutomaton(const std::vector<std::string_view>& names) {
    struct Way {
      uint32_t name, node;
    };
    std::vector<Way> ways;
    for (const auto& name : names) ways.push_back({uint32_t(&name - names.data()), 0});
    // A byte of all names at a time, so that what is shorter is complete when it is needed.
    for (size_t depth = 1; !ways.empty(); ++depth) {
      for (Way& way : ways) {
        const std::string_view name = names[way.name];
        const auto byte = uint8_t(name[name.size() - depth]);
        const auto fresh = uint32_t(nodes_.size());
        const uint32_t parent = way.node;
        way.node = children_.insert(parent, byte, fresh);
        if (way.node == fresh) {
          const uint32_t shorter = depth == 1 ? 0 : step(nodes_[parent].shorter, byte);
          nodes_.push_back({shorter, nodes_[shorter].name});
        }
        if (name.size() == depth) nodes_[way.node].name = way.name;
      }
      const auto is_read = [&](const Way& way) { return names[way.name].size() == depth; };
      ways.erase(std::remove_if(ways.begin(), ways.end(), is_read), ways.end());
    }
  }

  // From a state, 0 at the end of a text, with the byte before.
  uint32_t step(uint32_t state, uint8_t byte) const {
    for (;; state = nodes_[state].shorter) {
      const uint32_t next = children_.find(state, byte);
      if (next != kNone) return next;
      if (state == 0) return 0;
    }
  }
  // The longest name that starts here, or kNone.
  uint32_t name(uint32_t state) const { return nodes_[state].name; }

 private:
  struct Node {
    uint32_t shorter;  // the longest other end of a name that this one starts with
    uint32_t name;
  };

  std::vector<Node> nodes_{{0, kNone}};
  PairMap children_;  // (node, byte) to node
};

}  // namespace gpte
