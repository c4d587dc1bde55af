// How much of a text its repeated word n-grams cover, for all n in one walk.
#pragma once

#include <cstdint>
#include <vector>

namespace gpte {

constexpr int kTopFirst = 2, kTopLast = 4;         // n of the most frequent n-grams
constexpr int kRepeatFirst = 5, kRepeatLast = 10;  // n of those that occurred before

struct Repeats {
  // Of the n-grams that occur most often, and twice at least, the longest: how often it occurs
  // times the characters of its words and of n - 1 spaces. 0 if none occurs twice.
  int64_t top_characters[kTopLast - kTopFirst + 1] = {};
  // Characters of the words that stand in an n-gram that another one before it equals.
  int64_t repeated_characters[kRepeatLast - kRepeatFirst + 1] = {};
};

// ids: of the words of a text, in order, below times.size(); characters: of each, by place. times:
// gets how often each id occurs.
Repeats count_repeats(std::vector<uint32_t>& times, const std::vector<uint32_t>& ids,
                      const std::vector<uint32_t>& characters);

}  // namespace gpte
