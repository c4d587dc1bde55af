// How much of a text stands in lines of many short items between separators: lists of keywords.
#pragma once

#include <cstdint>
#include <string_view>

namespace gpte {

constexpr int64_t kListItems = 8;    // of a line, from which on it is a list
constexpr double kListWords = 3.5;   // of an item, on average: more are clauses of a sentence
constexpr int64_t kListLength = 24;  // characters of a line; a shorter one is none

struct ListLines {
  int64_t characters, listed;  // of all lines without their ends, and of those that are lists
};

// Items stand between one of , | • · ; / - – » > ✓ ★ #, of which / - – » > need a space at both
// sides; the separator that is most frequent in a line counts. Words stand between spaces.
// The text has to be valid UTF-8.
ListLines count_list_lines(std::string_view text);

}  // namespace gpte
