// Where personal data may begin in a text: at what is rare, such as "@", "://" or many digits.
//
// All that is found is to be looked at more closely; a text without any of it costs one pass.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace gpte {

constexpr int64_t kMostBetween = 5;  // bytes of separators between two digits of a number
constexpr int64_t kLeastDigits = 6;  // of a group, unless it has three dots

// Places are offsets in bytes, ascending.
struct PersonalPlaces {
  std::vector<int64_t> at_signs;  // @
  std::vector<int64_t> spelled;   // ( [ or { before at, AT, ät or " at "
  std::vector<int64_t> colons;    // two with at most four hexadecimal digits between, no overlaps
  std::vector<int64_t> schemes;   // ://
  std::vector<int64_t> paths;     // .com/ .net/ .me/ .tv/ .de/
  std::vector<int64_t> ibans;     // two letters and two digits, not within a word
  // Begin and end of digits with at most kMostBetween bytes of blanks, dashes, dots, slashes and
  // brackets between; kLeastDigits of them, or three single dots between digits.
  std::vector<int64_t> groups;
};

PersonalPlaces personal_places(std::string_view text);

}  // namespace gpte
