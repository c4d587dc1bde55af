// Each line is read once; a separator between spaces ends behind its second space, so that the next
// one of its kind has to begin there.
#include "text/list_lines.h"

#include <algorithm>

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

bool plain(uint8_t c) {
  return uint8_t((c | 0x20) - 'a') < 26;
}

}  // namespace

ListLines count_list_lines(std::string_view text) {
  ListLines out{0, 0};
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  while (p < end) {
    int64_t count[kSeparators] = {}, characters = 0, spaces = 0;
    const uint8_t* ends[kSeparators] = {};  // of the last of each kind, with its second space
    const uint8_t* begin = p;
    while (p < end && *p != '\n') {
      if (plain(*p)) {
        ++p;
        ++characters;
        continue;
      }
      const Char c = decode_char(p, end);
      const uint8_t* next = p + c.length;
      spaces += *p == ' ';
      ++characters;
      bool spaced;
      const Separator kind = separator(c.code, spaced);
      if (kind != kSeparators) {
        if (!spaced) {
          ++count[kind];
        } else if (p > begin && p[-1] == ' ' && next < end && *next == ' ' &&
                   (!ends[kind] || p - 1 >= ends[kind])) {
          ++count[kind];
          ends[kind] = next + 1;
        }
      }
      p = next;
    }
    if (p < end) ++p;
    out.characters += characters;
    const int64_t items = 1 + *std::max_element(count, count + kSeparators);
    if (characters >= kListLength && items >= kListItems &&
        double(1 + spaces) <= kListWords * double(items)) {
      out.listed += characters;
    }
  }
  return out;
}

}  // namespace gpte
