// 128-bit hashes of a text, its lines and its paragraphs, for finding exact duplicates.
//
// They are of the text with each run of white space as one space, and none at its ends. Equal
// hashes mean equal texts, but for odds of about n^2 / 2^129 among n texts that nobody made to
// collide: the hash is fast and has no secret.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace gpte {

struct Hash128 {
  uint64_t high, low;
  bool operator==(const Hash128& other) const { return high == other.high && low == other.low; }
  bool operator<(const Hash128& other) const {
    return high != other.high ? high < other.high : low < other.low;
  }
};

Hash128 text_hash(std::string_view text);

struct TextPart {
  int64_t first_line, end_line;  // counted from 0, as text.split("\n") does
  Hash128 hash;
};

// The lines that are not blank, or the paragraphs: longest runs of such lines.
std::vector<TextPart> line_parts(std::string_view text);
std::vector<TextPart> paragraph_parts(std::string_view text);

}  // namespace gpte
