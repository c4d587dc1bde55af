// The words of a text as curation counts and compares them, and a hash of each.
//
// A word is a maximal run of letters, marks and numbers, in which ' (also ’) or - may stand between
// a letter or mark and a letter. It is compared by its simple case folding, with ’ as '. What is
// not valid UTF-8 is in no word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "text/char_info.h"
#include "text/hash_bytes.h"

namespace gpte {

namespace ascii {

// Of 8 characters at a time; in a mask a byte is 0x80 or 0.
constexpr uint64_t kOnes = 0x0101010101010101u, kTops = kOnes << 7, kLower = kOnes << 5;

// Bytes from `first` to `last`, of those below 0x80; `low` are the bytes without their top bits.
inline uint64_t between(uint64_t low, uint8_t first, uint8_t last) {
  return (low + kOnes * uint8_t(0x80 - first)) & ~(low + kOnes * uint8_t(0x7F - last));
}
inline uint64_t letters(uint64_t bytes) {
  return between((bytes | kLower) & ~kTops, 'a', 'z') & ~bytes & kTops;
}
inline uint64_t digits(uint64_t bytes) {
  return between(bytes & ~kTops, '0', '9') & ~bytes & kTops;
}

inline bool is_letter(uint8_t c) {
  return uint8_t((c | 0x20) - 'a') < 26;
}
inline bool is_digit(uint8_t c) {
  return uint8_t(c - '0') < 10;
}

}  // namespace ascii

constexpr uint32_t kApostrophe = 0x2019;  // ’

struct FoldedWord {
  const uint8_t *begin, *end;
  int64_t characters;
  bool letters, digits;  // whether it has any
  bool wide;             // whether a character is not ASCII
};

// Groups of 8 bytes into 64 bits; of a word the bytes of its folded form.
class WordHash {
 public:
  void group(uint64_t bytes) { hash_ = mix(hash_, bytes); }
  void byte(uint8_t b) {
    part_ |= uint64_t(b) << (8 * (size_++ & 7));
    if ((size_ & 7) == 0) {
      group(part_);
      part_ = 0;
    }
  }
  void character(uint32_t code) {
    if (code < 0x80) return byte(uint8_t(code));
    const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static constexpr uint8_t kFirst[] = {0, 0xC0, 0xE0, 0xF0};
    byte(uint8_t(kFirst[more] | code >> (6 * more)));
    for (int i = more - 1; i >= 0; --i) byte(uint8_t(0x80 | (code >> (6 * i) & 0x3F)));
  }
  uint64_t finish() {
    if (size_ & 7) group(part_);
    return finish(size_);
  }
  // Of groups that were given whole, the last padded with zeros.
  uint64_t finish(uint64_t size) { return mix(hash_, size); }

 private:
  uint64_t hash_ = 0x243F6A8885A308D3u, part_ = 0, size_ = 0;
};

class FoldedWords {
 public:
  explicit FoldedWords(const uint8_t* end) : end_(end) {}

  // The word that begins at p < end, or one with end == begin if none does.
  FoldedWord at(const uint8_t* p) const {
    FoldedWord word{p, p, 0, false, false, false};
    int64_t extra = 0;  // bytes beyond one a character
    bool after_letter = false;
    for (;;) {
      const uint8_t* run = p;
      p = skip_ascii(p, word);
      if (p > run) after_letter = ascii::is_letter(p[-1]);
      if (p == end_) break;
      if (*p < 0x80) {
        if ((*p != '\'' && *p != '-') || !after_letter || !letter_at(p + 1)) break;
        after_letter = false;
        ++p;
        continue;
      }
      const Char c = decode_char(p, end_);
      const CharInfo& info = infos_.of(c.code);
      if (info.in_word()) {
        word.letters |= info.letter();
        word.digits |= info.digit();
        after_letter = !info.digit();
      } else if (c.code == kApostrophe && after_letter && letter_at(p + c.length)) {
        after_letter = false;
      } else {
        break;
      }
      word.wide = true;
      extra += c.length - 1;
      p += c.length;
    }
    word.end = p;
    word.characters = (p - word.begin) - extra;
    return word;
  }

  // Of the folded word; with plain_digits each run of numbers in it is as if it were 0.
  uint64_t hash(const FoldedWord& word, bool plain_digits = false) const {
    if (word.wide || (plain_digits && word.digits)) return slow_hash(word, plain_digits);
    using ascii::kLower;  // which leaves digits, ' and - as they are
    WordHash hash;
    const uint8_t* p = word.begin;
    for (; word.end - p > 8; p += 8) hash.group(load(p, 8) | kLower);
    const int left = int(word.end - p);
    hash.group(load(p, left) | kLower >> (64 - 8 * left));
    return hash.finish(uint64_t(word.end - word.begin));
  }

 private:
  // Past the letters and digits of ASCII from p on.
  const uint8_t* skip_ascii(const uint8_t* p, FoldedWord& word) const {
    while (end_ - p >= 8) {
      uint64_t bytes;
      std::memcpy(&bytes, p, 8);
      uint64_t letters = ascii::letters(bytes), digits = ascii::digits(bytes);
      const uint64_t others = ~(letters | digits) & ascii::kTops;
      if (others) {
        const uint64_t before = others ^ (others - 1);
        letters &= before;
        digits &= before;
      }
      word.letters |= letters != 0;
      word.digits |= digits != 0;
      if (others) return p + (__builtin_ctzll(others) >> 3);
      p += 8;
    }
    for (; p < end_; ++p) {
      const bool letter = ascii::is_letter(*p), digit = ascii::is_digit(*p);
      if (!letter && !digit) break;
      word.letters |= letter;
      word.digits |= digit;
    }
    return p;
  }

  bool letter_at(const uint8_t* p) const {
    if (p >= end_) return false;
    if (*p < 0x80) return ascii::is_letter(*p);
    return infos_.of(decode_char(p, end_).code).letter();
  }

  // 1 to 8 bytes, without a call where it can be.
  uint64_t load(const uint8_t* p, int n) const {
    uint64_t bytes = 0;
    if (end_ - p < 8) {
      std::memcpy(&bytes, p, size_t(n));
      return bytes;
    }
    std::memcpy(&bytes, p, 8);
    return bytes & ~uint64_t(0) >> (64 - 8 * n);
  }

  uint64_t slow_hash(const FoldedWord& word, bool plain_digits) const {
    WordHash hash;
    bool after_digit = false;
    for (const uint8_t* p = word.begin; p < word.end;) {
      const Char c = decode_char(p, word.end);
      p += c.length;
      const CharInfo& info = infos_.of(c.code);
      if (plain_digits && info.digit()) {
        if (!after_digit) hash.byte('0');
      } else {
        hash.character(c.code == kApostrophe ? '\'' : uint32_t(int32_t(c.code) + info.folds_by));
      }
      after_digit = info.digit();
    }
    return hash.finish();
  }

  const uint8_t* end_;
  const CharInfos& infos_ = CharInfos::get();
};

}  // namespace gpte
