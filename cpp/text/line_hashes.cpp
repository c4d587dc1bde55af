// What is left of a line is written down, and the whole of it hashed.
#include "text/line_hashes.h"

#include <string>

#include "text/folded_words.h"

namespace gpte {
namespace {

constexpr uint32_t kSharpS = 0xDF, kCapitalSharpS = 0x1E9E;

// As Python's str.isspace, for which the separators of ASCII are white space too.
bool is_space(uint32_t code) {
  return (code >= 0x1C && code <= 0x1F) || CharInfos::get().of(code).space();
}

// Whether full case folding may make several characters of one; of ß it does, and we know which.
bool folds_to_many(uint32_t code) {
  return code == 0x130 || code == 0x149 || code == 0x1F0 || code == 0x390 || code == 0x3B0 ||
         code == 0x587 || (code >= 0x1E96 && code <= 0x1E9A) ||
         (code >= 0x1F50 && code <= 0x1FFF) || (code >= 0xFB00 && code <= 0xFB17);
}

class Line {
 public:
  void space() {
    space_ = !text_.empty();
    after_digit_ = false;
  }
  // A character of ASCII that is no white space.
  void ascii_character(uint8_t c) {
    const bool digit = ascii::is_digit(c), letter = ascii::is_letter(c);
    if (digit && after_digit_) return;
    if (space_) text_.push_back(' ');
    text_.push_back(char(digit ? '0' : letter ? c | 0x20 : c));
    letters_ |= letter;
    space_ = false;
    after_digit_ = digit;
  }
  void wide_character(uint32_t code) {
    if (code == kSharpS || code == kCapitalSharpS) {
      ascii_character('s');
      return ascii_character('s');
    }
    const CharInfo& info = CharInfos::get().of(code);
    code = uint32_t(int32_t(code) + info.folds_by);
    if (code < 0x80) return ascii_character(uint8_t(code));  // the sign for Kelvin is a k
    if (space_) text_.push_back(' ');
    // Three bytes of the top half: no ASCII is like them.
    text_.push_back(char(0x80 | (code & 0x7F)));
    text_.push_back(char(0x80 | (code >> 7 & 0x7F)));
    text_.push_back(char(0x80 | code >> 14));
    letters_ |= info.letter();
    space_ = after_digit_ = false;
  }
  uint64_t hash(const HashSeeds& seeds) const {
    if (!letters_) return 0;
    const auto* p = reinterpret_cast<const uint8_t*>(text_.data());
    const uint64_t hash = hash_bytes(p, text_.size(), seeds);
    return hash == 0 ? 1 : hash;
  }
  void clear() {
    text_.clear();
    space_ = after_digit_ = letters_ = false;
  }

 private:
  std::string text_;
  bool space_ = false, after_digit_ = false, letters_ = false;
};

}  // namespace

LineHashes line_hashes(std::string_view text, std::string_view host, int64_t longest) {
  const auto* of_host = reinterpret_cast<const uint8_t*>(host.data());
  const HashSeeds seeds{hash_bytes(of_host, host.size()), hash_bytes(of_host, host.size(), {1, 2})};
  LineHashes out{{}, true};
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  for (Line line;; line.clear()) {
    int64_t characters = 0;
    for (; p < end && *p != '\n'; ++characters) {
      if (*p > ' ' && *p < 0x80) {
        line.ascii_character(*p++);
        continue;
      }
      const Char c = decode_char(p, end);
      p += c.length;
      if (is_space(c.code)) {
        line.space();
      } else if (c.code < 0x80) {
        line.ascii_character(uint8_t(c.code));
      } else {
        out.exact &= !folds_to_many(c.code) && !CharInfos::get().of(c.code).digit();
        line.wide_character(c.code);
      }
    }
    out.hashes.push_back(characters > longest ? 0 : line.hash(seeds));
    if (p == end) return out;
    ++p;
  }
}

}  // namespace gpte
