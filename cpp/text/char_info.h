// What curation asks of a character: its class, its folded form, whether it is punctuation.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "text/unicode.h"

namespace gpte {

// decode_utf8, without a call for what is most of a text in Latin, Greek or Cyrillic letters.
inline Char decode_char(const uint8_t* p, const uint8_t* end) {
  if (*p < 0x80) return {*p, 1, Utf8::kValid};
  if (*p >= 0xC2 && *p < 0xE0 && end - p >= 2 && (p[1] & 0xC0) == 0x80) {
    return {uint32_t(*p & 0x1F) << 6 | (p[1] & 0x3F), 2, Utf8::kValid};
  }
  return decode_utf8(p, end);
}

struct CharInfo {
  int32_t folds_by;  // what simple case folding adds to the code point
  CharClass kind;
  bool punctuation;  // general category P

  bool letter() const {
    return kind == CharClass::kUpper || kind == CharClass::kLower || kind == CharClass::kLetter;
  }
  bool in_word() const { return letter() || kind == CharClass::kMark || digit(); }
  bool digit() const { return kind == CharClass::kNumber; }
  bool space() const { return kind == CharClass::kSpace; }
  bool operator==(const CharInfo& other) const {
    return folds_by == other.folds_by && kind == other.kind && punctuation == other.punctuation;
  }
};

// Of every code point, in two stages like CharClasses.
class CharInfos {
 public:
  static const CharInfos& get();

  const CharInfo& of(uint32_t code) const {
    return blocks_[size_t(index_[code >> kShift]) << kShift | (code & kMask)];
  }

 private:
  CharInfos();
  static constexpr uint32_t kShift = 7, kMask = (1u << kShift) - 1;
  std::array<uint16_t, (kCodePoints >> kShift)> index_;
  std::vector<CharInfo> blocks_;
};

}  // namespace gpte
