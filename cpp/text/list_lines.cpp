// Of 8 bytes at a time those that are letters or spaces are only counted. A separator between
// spaces ends behind its second one, so that the next of its kind has to begin there.
#include "text/list_lines.h"

#include <algorithm>
#include <cstring>

#include "text/folded_words.h"

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

// The items and words of a line, fed with all of its bytes that may count.
class Line {
 public:
  explicit Line(const uint8_t* begin) : begin_(begin) {}

  void separator_at(const uint8_t* p, const uint8_t* end) {
    const Char c = decode_char(p, end);
    bool spaced;
    const Separator kind = separator(c.code, spaced);
    if (kind == kSeparators) return;
    const uint8_t* next = p + c.length;
    const bool apart = p > begin_ && p[-1] == ' ' && next < end && *next == ' ' &&
                       (!ends_[kind] || p - 1 >= ends_[kind]);
    count_[kind] += !spaced || apart;
    if (apart) ends_[kind] = next + 1;
  }

  // Adds the line, of so many characters and spaces.
  void end(ListLines& out, int64_t characters, int64_t spaces) const {
    const int64_t items = 1 + *std::max_element(count_, count_ + kSeparators);
    const bool listed = characters >= kListLength && items >= kListItems &&
                        double(1 + spaces) <= kListWords * double(items);
    out.characters += characters;
    out.listed += listed ? characters : 0;
  }

 private:
  const uint8_t* begin_;
  int64_t count_[kSeparators] = {};
  const uint8_t* ends_[kSeparators] = {};  // of the last of each kind, with its second space
};

int64_t tops(uint64_t mask) {
  return int64_t((mask >> 7) * ascii::kOnes >> 56);
}

}  // namespace

ListLines count_list_lines(std::string_view text) {
  ListLines out{0, 0};
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  Line line(p);
  // Of the whole text so far, and where the line begins; inner bytes begin no character.
  int64_t spaces = 0, inner = 0, spaces_before = 0, inner_before = 0;
  const uint8_t* begin = p;
  while (p < end) {
    uint64_t bytes = 0;
    const size_t size = size_t(std::min<ptrdiff_t>(8, end - p));
    std::memcpy(&bytes, p, size);
    const uint64_t wide = bytes & ascii::kTops;
    const uint64_t blank = ascii::between(bytes & ~ascii::kTops, ' ', ' ') & ~bytes & ascii::kTops;
    const uint64_t continued = wide & ~(bytes << 1);
    uint64_t others = ascii::kTops & ~(ascii::letters(bytes) | blank | continued);
    if (size < 8) others &= (uint64_t(1) << (8 * size)) - 1;
    uint64_t before = 0;  // what of the 8 bytes was counted
    for (; others; others &= others - 1) {
      const uint8_t* at = p + (__builtin_ctzll(others) >> 3);
      if (*at != '\n') {
        line.separator_at(at, end);
        continue;
      }
      const uint64_t until = (others & -others) - 1;
      spaces += tops(blank & until & ~before);
      inner += tops(continued & until & ~before);
      before = until;
      line.end(out, at - begin - (inner - inner_before), spaces - spaces_before);
      line = Line(begin = at + 1);
      spaces_before = spaces;
      inner_before = inner;
    }
    spaces += tops(blank & ~before);
    inner += tops(continued & ~before);
    p += size;
  }
  line.end(out, end - begin - (inner - inner_before), spaces - spaces_before);
  return out;
}

}  // namespace gpte
