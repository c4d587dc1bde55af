// UTF-8 decoding and the classes of characters that splitting needs, from Unicode 16.0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/split_rules.h"
#include "kernels/text.h"

namespace gpte {

constexpr uint32_t kReplacement = 0xFFFD;
constexpr uint32_t kCodePoints = 0x110000;

enum class Utf8 : uint8_t { kValid, kInvalid, kTruncated };

// One character of UTF-8. What is not valid has code U+FFFD and the length of its maximal invalid
// part, as the Unicode standard (3.9) and Python's "replace" count it; kTruncated says that more
// bytes could still make it valid.
struct Char {
  uint32_t code;
  int length;
  Utf8 state;
};

Char decode_utf8(const uint8_t* p, const uint8_t* end);

// Class of every code point in two stages: most blocks of 128 repeat, so the whole is 40 KB.
class CharClasses {
 public:
  static const CharClasses& get();

  CharClass of(uint32_t code) const { return blocks_[index_[code >> kShift]][code & kMask]; }

  CharTable table() const {
    return {index_.data(), reinterpret_cast<const uint8_t*>(blocks_.data())};
  }

  // Class and length of the character at p < end; an invalid part is one kOther.
  CharClass at(const uint8_t* p, const uint8_t* end, int& length) const {
    if (*p < 0x80) {
      length = 1;
      return blocks_[index_[0]][*p];
    }
    const Char c = decode_utf8(p, end);
    length = c.length;
    return of(c.code);
  }

 private:
  CharClasses();
  static constexpr uint32_t kShift = 7, kMask = (1u << kShift) - 1;
  using Block = std::array<CharClass, kMask + 1>;
  std::array<uint8_t, (kCodePoints >> kShift)> index_;
  std::vector<Block> blocks_;
};

}  // namespace gpte
