// A splitter by rules that somebody wrote down, for patterns that have no scanner.
//
// Rules stand in a row with | between them. A rule is a row of runs: what characters, how many.
// Runs take all they can and give nothing back. At each place the first rule that fits makes the
// piece, where none fits a character is one. Characters are
//   L letter  U upper or title case  l lower case  C letter without case
//   M mark    N number  S white space  n newline (U+000A, U+000D)  _ space (U+0020)  O the rest
// or several of them in [ ]; how many is once, or ? * + {3} {1,3} {2,}. GPT-2's pattern, but for
// contractions and white space at the end of a run: _?L+|_?N+|_?[OM]+|S+
#pragma once

#include <string_view>
#include <vector>

#include "text/split.h"

namespace gpte {

class RuleSplitter final : public Splitter {
 public:
  // Refuses what is no rule, or takes no character, by its place.
  explicit RuleSplitter(std::string_view rules);

  int64_t split(std::string_view text, uint32_t* lengths, int64_t room) const override;
  size_t cut(std::string_view text, size_t at) const override;  // the end: rules may look anywhere

 private:
  struct Run {
    unsigned set;  // of CharClass, and of kNewline and kPlain
    uint32_t least, most;
  };
  Run parse(std::string_view rules, size_t& at) const;
  const uint8_t* next(const uint8_t* p, const uint8_t* end) const;

  std::vector<std::vector<Run>> rules_;
};

}  // namespace gpte
