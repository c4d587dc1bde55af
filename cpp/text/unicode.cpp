// Builds the class table from the generated runs, and decodes UTF-8 strictly.
#include "text/unicode.h"

#include <map>

namespace gpte {
namespace {

constexpr uint32_t kRuns[] = {
#include "text/unicode_table.inc"
};

}  // namespace

CharClasses::CharClasses() {
  std::map<Block, uint8_t> known;
  const uint32_t* run = kRuns;
  uint32_t left = *run >> 3;  // code points of the run that are still to come
  for (uint32_t first = 0; first < kCodePoints; first += kMask + 1) {
    Block block;
    for (CharClass& kind : block) {
      if (left == 0) left = *++run >> 3;
      --left;
      kind = CharClass(*run & 7);
    }
    const auto [entry, fresh] = known.emplace(block, uint8_t(blocks_.size()));
    if (fresh) blocks_.push_back(block);
    index_[first >> kShift] = entry->second;
  }
}

const CharClasses& CharClasses::get() {
  static const CharClasses classes;
  return classes;
}

Char decode_utf8(const uint8_t* p, const uint8_t* end) {
  const uint8_t first = *p;
  if (first < 0x80) return {first, 1, Utf8::kValid};
  if (first < 0xC2 || first > 0xF4) return {kReplacement, 1, Utf8::kInvalid};
  const int length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  // The second byte's range rules out overlong forms, surrogates and codes above U+10FFFF.
  const uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  uint32_t code = first & (0xFF >> (length + 1));
  for (int i = 1; i < length; ++i) {
    if (p + i == end) return {kReplacement, i, Utf8::kTruncated};
    const uint8_t next = p[i];
    if (next < (i == 1 ? low : 0x80) || next > (i == 1 ? high : 0xBF)) {
      return {kReplacement, i, Utf8::kInvalid};
    }
    code = code << 6 | (next & 0x3F);
  }
  return {code, length, Utf8::kValid};
}

}  // namespace gpte
