// Finds special tokens (control tokens that have a name in the text, such as <|endoftext|>).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/name_automaton.h"
#include "text/pulse.h"

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

  class Finder;

  bool empty() const { return specials_.empty(); }
  // Of the longest name, in bytes.
  size_t longest() const { return longest_; }

 private:
  std::vector<Special> specials_;  // by name
  NameAutomaton automaton_;        // of their places
  size_t longest_ = 0;
  // Every name has one of few, preferably rare bytes at this place: where none stands, none is.
  size_t place_ = 0;
  std::vector<uint8_t> marks_;
  std::array<bool, 256> is_mark_{};
};

// Goes forward through one text, in time linear in it, whatever the names.
class SpecialTokens::Finder {
 public:
  // From `begin` on. The specials, the text and the pulse must outlive this.
  Finder(const SpecialTokens& specials, std::string_view text, size_t begin, Pulse& pulse)
      : specials_(specials), text_(text), begin_(begin), pulse_(pulse) {}

  // The leftmost special token that starts at or after `start` and before `stop`; of those that
  // start there, the longest. start never goes back.
  Match next(size_t start, size_t stop = SIZE_MAX);

 private:
  Match longest_at(size_t start);
  Match walk(size_t start);
  void read_backwards(size_t start);

  const SpecialTokens& specials_;
  const std::string_view text_;
  const size_t begin_;
  Pulse& pulse_;
  size_t walked_ = 0;            // bytes of names that were compared
  size_t known_ = 0;             // where what was read backwards starts
  std::vector<uint32_t> names_;  // by place from there on
};

}  // namespace gpte
