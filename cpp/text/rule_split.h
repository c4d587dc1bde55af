// A splitter by rules that somebody wrote down, for patterns that have no scanner.
//
// Rules stand in a row with | between them. A rule is a row of runs: what characters, how many.
// Runs take all they can and give nothing back. At each place the first rule that fits makes the
// piece, where none fits a character is one. Characters are
//   L letter  U upper or title case  l lower case  C letter without case
//   M mark    N number  S white space  n newline (U+000A, U+000D)  _ space (U+0020)  O the rest
// or several of them in [ ]; how many is once, or ? * + {3} {1,3} {2,}. GPT-2's pattern, but for
// contractions and white space at the end of a run: _?L+|_?N+|_?[OM]+|S+
//
// From piece to piece, where a run of a rule begins and ends only moves on. So it is remembered,
// and splitting looks at each character a few times for each run, however far rules look in vain.
#pragma once

#include <array>
#include <bitset>
#include <memory>
#include <string_view>
#include <vector>

#include "text/split.h"

namespace gpte {

class RuleSplitter final : public Splitter {
 public:
  // Refuses what is no rule, or takes no character, by its place; and more than 1,000 runs.
  explicit RuleSplitter(std::string_view rules);

  std::unique_ptr<State> start() const override;
  int64_t split(std::string_view text, uint32_t* lengths, int64_t room,
                State* state) const override;
  // Between two characters that no rule reads one after the other.
  size_t cut(std::string_view text, size_t at) const override;

  // For tests: how many characters farther than 16 from a run's start were looked at since start().
  static int64_t far_looks(const State& state);

 private:
  struct Run {
    unsigned set;  // of CharClass, and of kNewline and kPlain
    uint32_t least, most;
  };
  class Reach;

  Run parse(std::string_view rules, size_t& at) const;
  void find_neighbours(const std::vector<Run>& rule);
  const uint8_t* next(const uint8_t* p, const uint8_t* end, Reach& reach) const;

  std::vector<std::vector<Run>> rules_;
  size_t runs_ = 0;  // of all rules
  // By kind of character, the kinds that a rule may read next.
  static constexpr unsigned kKinds = 9;
  std::array<std::bitset<kKinds>, kKinds> neighbours_;
};

}  // namespace gpte
