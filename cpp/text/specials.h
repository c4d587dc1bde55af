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

  bool empty() const { return specials_.empty(); }
  // Of the longest name, in bytes.
  size_t longest() const { return longest_; }

 private:
  Match longest_at(std::string_view text, size_t start) const;

  std::vector<Special> specials_;  // by name
  size_t longest_ = 0;
  // Every name has one of few, preferably rare bytes at this place: where none stands, none is.
  size_t place_ = 0;
  std::vector<uint8_t> marks_;
  std::array<bool, 256> is_mark_{};
};

}  // namespace gpte
