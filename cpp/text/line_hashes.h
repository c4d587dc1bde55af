// A hash of each line of a text, for finding lines that many pages have.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace gpte {

struct LineHashes {
  std::vector<uint64_t> hashes;  // one of each line, counted as text.split("\n") does
  bool exact;  // whether full case folding, and 0 for each digit of other scripts, changes nothing
};

// Lines are equal whatever the case of their letters, the digits of a number and how many it has,
// and how much white space stands where there is some; at their ends it does not count. The hash
// is 0 of a line without letters, or with more than `longest` characters, and of no other. host:
// where the lines are from, elsewhere they have other hashes.
LineHashes line_hashes(std::string_view text, std::string_view host, int64_t longest);

}  // namespace gpte
