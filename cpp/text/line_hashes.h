// A hash of each line of a text, for finding lines that many pages have.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace gpte {

// One of each line, counted as text.split("\n") does; never 0, but for a line without letters.
// Lines are equal whatever the digits of a number are, how many it has, and how much white space
// stands where there is some; at the ends of a line it does not count. host: where the lines are
// from, elsewhere they have other hashes.
std::vector<uint64_t> line_hashes(std::string_view text, std::string_view host);

}  // namespace gpte
