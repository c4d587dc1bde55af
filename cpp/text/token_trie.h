// The tokens of a vocabulary as a tree of their bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/pair_map.h"

namespace gpte {

class TokenTrie {
 public:
  static constexpr uint32_t kNone = PairMap::kNone;

  // Of all tokens but the special ones; the root is node 0.
  // With `backwards` their bytes are read from the last one on.
  TokenTrie(const std::vector<std::string>& tokens, const std::vector<bool>& is_special,
            bool backwards = false)
      : children_(tokens.size() * 2), token_(1, kNone) {
    for (uint32_t id = 0; id < tokens.size(); ++id) {
      if (is_special[id]) continue;
      uint32_t node = 0;
      const std::string& token = tokens[id];
      for (size_t i = 0; i < token.size(); ++i) {
        const auto fresh = uint32_t(token_.size());
        const auto byte = uint8_t(token[backwards ? token.size() - 1 - i : i]);
        node = children_.insert(node, byte, fresh);
        if (node == fresh) token_.push_back(kNone);
      }
      token_[node] = id;
    }
  }

  uint32_t step(uint32_t node, uint8_t byte) const { return children_.find(node, byte); }
  // The token that ends at a node, or kNone.
  uint32_t token(uint32_t node) const { return token_[node]; }

 private:
  PairMap children_;  // (node, byte) to node
  std::vector<uint32_t> token_;
};

}  // namespace gpte
