// Counts lines and paragraphs, told what of them is visible while a text is scanned.
#pragma once

#include <algorithm>
#include <cstdint>

#include "text/char_info.h"
#include "text/text_statistics.h"

namespace gpte {

class LineStatistics {
 public:
  explicit LineStatistics(TextStatistics& out) : out_(out) {}

  // Something of the line that is no white space; in order. extra: bytes of the text before `begin`
  // and before `end` that are not the first of a character.
  void visible(const uint8_t* begin, int64_t extra_before, const uint8_t* end, int64_t extra) {
    if (!begin_) {
      begin_ = begin;
      extra_before_ = extra_before;
    }
    end_ = end;
    extra_ = extra;
  }

  void end_line() {
    if (!begin_) return end_paragraph();
    const int64_t characters = (end_ - begin_) - (extra_ - extra_before_);
    const uint64_t hash = hash_bytes(begin_, size_t(end_ - begin_));
    ++out_.lines;
    out_.line_characters += characters;
    out_.longest_line = std::max(out_.longest_line, characters);
    out_.short_lines += characters <= kShortLine;
    out_.bullet_lines += begins_with_bullet();
    out_.ellipsis_lines += ends_with_ellipsis();
    out_.terminal_punctuation_lines += ends_sentence();
    if (!is_new(lines_, hash)) {
      ++out_.duplicate_lines;
      out_.duplicate_line_characters += characters;
    }
    paragraph_hash_ = mix(paragraph_hash_, hash);
    paragraph_characters_ += characters;
    begin_ = nullptr;
  }

  void end_text() {
    end_line();
    end_paragraph();
  }

 private:
  static bool is_new(WordIds& known, uint64_t hash) {
    const uint32_t size = known.size();
    return known.add(hash) == size;
  }

  void end_paragraph() {
    if (paragraph_characters_ == 0) return;
    ++out_.paragraphs;
    if (!is_new(paragraphs_, paragraph_hash_)) {
      ++out_.duplicate_paragraphs;
      out_.duplicate_paragraph_characters += paragraph_characters_;
    }
    paragraph_hash_ = 0;
    paragraph_characters_ = 0;
  }

  bool begins_with_bullet() const {
    const Char c = decode_char(begin_, end_);
    switch (c.code) {
      case 0x2022:
      case 0x2023:
      case 0x2043:
      case 0x25AA:
      case 0x25AB:
      case 0x25CF:
      case 0x25CB:
      case 0x25E6:
      case 0x25A0:
      case 0x25A1:
      case 0x25B6:
      case 0x25BA:
        return true;
      case '-':
      case '*':
      case '+':
      case 0x2013:
      case 0x2014:
      case 0xB7: {
        const uint8_t* next = begin_ + c.length;
        return next < end_ &&
               CharClasses::get().of(decode_char(next, end_).code) == CharClass::kSpace;
      }
    }
    return false;
  }

  // The code of the line's last character before `end`, which moves to it. Only one that is valid
  // is told from others.
  uint32_t last_before(const uint8_t*& end) const {
    const uint8_t* p = end - 1;
    while (p > begin_ && end - p < 4 && (*p & 0xC0) == 0x80) --p;
    const Char c = decode_char(p, end);
    const bool whole = p + c.length == end;
    end = whole ? p : end - 1;
    return whole ? c.code : kReplacement;
  }

  bool ends_with_ellipsis() const {
    const uint8_t* end = end_;
    return last_before(end) == 0x2026 ||
           (end_ - begin_ >= 3 && end_[-1] == '.' && end_[-2] == '.' && end_[-3] == '.');
  }

  bool ends_sentence() const {
    for (const uint8_t* end = end_; end > begin_;) {
      switch (last_before(end)) {
        case '"':
        case '\'':
        case ')':
        case ']':
        case '}':
        case 0x2019:
        case 0x201D:
        case 0x201C:
        case 0x2018:
        case 0xBB:
        case 0xAB:
        case 0x203A:
        case 0x2039:
        case 0x300D:
        case 0x300F:
        case 0xFF09:
          continue;
        case '.':
        case '!':
        case '?':
        case 0x2026:
        case 0x203C:
        case 0x203D:
        case 0x2047:
        case 0x2048:
        case 0x2049:
        case 0x061F:
        case 0x06D4:
        case 0x0964:
        case 0x0965:
        case 0x3002:
        case 0xFF01:
        case 0xFF0E:
        case 0xFF1F:
        case 0xFF61:
          return true;
      }
      return false;
    }
    return false;
  }

  TextStatistics& out_;
  const uint8_t *begin_ = nullptr, *end_ = nullptr;  // of the line, where something is visible
  int64_t extra_before_ = 0, extra_ = 0;
  uint64_t paragraph_hash_ = 0;
  int64_t paragraph_characters_ = 0;
  WordIds lines_, paragraphs_;
};

}  // namespace gpte
