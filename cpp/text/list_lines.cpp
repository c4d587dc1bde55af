// Lines with enough of the bytes that separators begin with are read closely. A separator between
// spaces ends behind its second one, so that the next of its kind has to begin there.
#include "text/list_lines.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "text/char_info.h"

namespace gpte {
namespace {

enum Separator {
  kComma,
  kBar,
  kBullet,
  kDot,
  kSemicolon,
  kSlash,
  kDash,
  kEnDash,
  kQuote,
  kMore,
  kCheck,
  kStar,
  kHash,
  kSeparators
};

// The separator that a character is, or kSeparators; spaced: whether it needs spaces beside it.
Separator separator(uint32_t code, bool& spaced) {
  spaced = false;
  switch (code) {
    case ',':
      return kComma;
    case '|':
      return kBar;
    case 0x2022:
      return kBullet;
    case 0xB7:
      return kDot;
    case ';':
      return kSemicolon;
    case 0x2713:
      return kCheck;
    case 0x2605:
      return kStar;
    case '#':
      return kHash;
  }
  spaced = true;
  switch (code) {
    case '/':
      return kSlash;
    case '-':
      return kDash;
    case 0x2013:
      return kEnDash;
    case 0xBB:
      return kQuote;
    case '>':
      return kMore;
  }
  return kSeparators;
}

// Of each byte whether a separator begins with it.
std::array<uint8_t, 256> make_firsts() {
  std::array<uint8_t, 256> firsts{};
  for (const char c : std::string_view(",|;/->#\xC2\xE2")) firsts[uint8_t(c)] = 1;
  return firsts;
}

// How many items a line has.
int64_t items(const uint8_t* begin, const uint8_t* end) {
  int64_t count[kSeparators] = {};
  const uint8_t* ends[kSeparators] = {};  // of the last of each kind, with its second space
  for (const uint8_t* p = begin; p < end;) {
    const Char c = decode_char(p, end);
    const uint8_t* next = p + c.length;
    bool spaced;
    const Separator kind = separator(c.code, spaced);
    if (kind != kSeparators) {
      const bool apart = p > begin && p[-1] == ' ' && next < end && *next == ' ' &&
                         (!ends[kind] || p - 1 >= ends[kind]);
      count[kind] += !spaced || apart;
      if (apart) ends[kind] = next + 1;
    }
    p = next;
  }
  return 1 + *std::max_element(count, count + kSeparators);
}

}  // namespace

ListLines count_list_lines(std::string_view text) {
  static const std::array<uint8_t, 256> firsts = make_firsts();
  ListLines out{0, 0};
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  while (p < end) {
    const auto* newline = static_cast<const uint8_t*>(std::memchr(p, '\n', size_t(end - p)));
    const uint8_t* line_end = newline ? newline : end;
    int64_t separators = 0, spaces = 0, inner = 0;  // inner: bytes that begin no character
    for (const uint8_t* q = p; q < line_end; ++q) {
      separators += firsts[*q];
      spaces += *q == ' ';
      inner += (*q & 0xC0) == 0x80;
    }
    const int64_t characters = (line_end - p) - inner;
    out.characters += characters;
    if (characters >= kListLength && separators >= kListItems - 1) {
      const int64_t n = items(p, line_end);
      const bool listed = n >= kListItems && double(1 + spaces) <= kListWords * double(n);
      out.listed += listed ? characters : 0;
    }
    p = newline ? newline + 1 : end;
  }
  return out;
}

}  // namespace gpte
