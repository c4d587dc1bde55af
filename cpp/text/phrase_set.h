// Phrases that are looked for in texts whatever their case, all of them in one pass.
//
// Both are compared by simple case folding; "İ" is as if it were "i̇", its lower case.
// So each phrase that stands in the lower case of a text is found in the text; what is found beyond
// that differs in letters such as s and ſ, which have no case in common but fold alike.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gpte {

class PhraseSet {
 public:
  // None of them may be empty.
  explicit PhraseSet(const std::vector<std::string>& phrases);
  // The places in the list of those that occur in a text, ascending.
  std::vector<int64_t> find(std::string_view text) const;

 private:
  uint32_t step(uint32_t state, uint8_t byte) const { return next_[state + class_[byte]]; }

  // The automaton of Aho and Corasick (1975) over folded bytes, as a table: next_[state + class]. A
  // state is a number of its node times the classes; one with phrases has its top bit set in next_.
  std::array<uint8_t, 256> class_{};  // of a byte, capitals of ASCII as small letters; 0 is in none
  uint32_t classes_ = 1;
  std::vector<uint32_t> next_;
  std::vector<std::vector<uint32_t>> ends_;  // by node, the phrases that end there
};

}  // namespace gpte
