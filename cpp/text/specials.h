// Finds special tokens (control tokens that have a name in the text, such as <|endoftext|>).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gpte {

class SpecialTokens {
 public:
  struct Special {
    std::string name;
    uint32_t id;
  };
  struct Match {
    size_t start, end;  // end is 0 where nothing was found
    uint32_t id;
  };

  explicit SpecialTokens(std::vector<Special> specials);

  // The leftmost special token at or after start; of those that start there, the longest.
  Match find(std::string_view text, size_t start) const;

 private:
  std::vector<Special> specials_;  // longest first
  std::array<bool, 256> first_byte_{};
};

}  // namespace gpte
