// The split patterns as one scanner: a look at two characters chooses the alternative of the
// pattern. It defines what the fast scanner has to find, and does what that one leaves over.
#pragma once

#include "kernels/split_rules.h"
#include "text/unicode.h"

namespace gpte {

// A set of classes, and whether it has one.
constexpr unsigned set_of(CharClass c) {
  return 1u << unsigned(c);
}
constexpr bool in(unsigned set, CharClass c) {
  return set >> unsigned(c) & 1;
}
constexpr unsigned kUncased = set_of(CharClass::kLetter) | set_of(CharClass::kMark);
constexpr unsigned kLetters =
    set_of(CharClass::kUpper) | set_of(CharClass::kLower) | set_of(CharClass::kLetter);
constexpr unsigned kOthers = set_of(CharClass::kOther) | set_of(CharClass::kMark);

inline bool is_newline(uint8_t c) {
  return c == '\n' || c == '\r';
}

// The character that ends at p > begin: false if it is none, that is, not valid.
inline bool before(const CharClasses& classes, const uint8_t* begin, const uint8_t* p,
                   CharClass& kind, const uint8_t*& start) {
  start = p - 1;
  while (start > begin && p - start < 4 && (*start & 0xC0) == 0x80) --start;
  const Char c = decode_utf8(start, p);
  kind = classes.of(c.code);
  return c.state == Utf8::kValid && start + c.length == p;
}

// Length of the contraction whose apostrophe is at p, or 0.
inline int contraction(const uint8_t* p, const uint8_t* end, bool any_case) {
  if (end - p < 2 || *p != '\'') return 0;
  const uint8_t fold = any_case ? 0x20 : 0, a = p[1] | fold;
  if (a == 's' || a == 'd' || a == 'm' || a == 't') return 2;
  if (end - p < 3) return 0;
  if (any_case && p[1] == 0xC5 && p[2] == 0xBF) return 3;  // long s
  const uint8_t b = p[2] | fold;
  return (a == 'l' && b == 'l') || (a == 'v' && b == 'e') || (a == 'r' && b == 'e') ? 3 : 0;
}

template <class Rules>
class Scan {
 public:
  // The end of the piece that starts at p < end.
  const uint8_t* next(const uint8_t* p, const uint8_t* end) const {
    int length, after;
    const CharClass first = classes_.at(p, end, length);
    if constexpr (kApart) {
      if (*p == '\'') {
        if (const int n = contraction(p, end, kAnyCase)) return p + n;
      }
    }
    const uint8_t* q = p + length;
    if constexpr (Rules::kGpt2) {
      if (*p != ' ' || q == end) return run(q, end, first, p);
      const CharClass second = classes_.at(q, end, after);
      if (kAlone && second == CharClass::kNumber) return q;
      return run(q + after, end, second, p);
    } else {
      if (in(kWord, first)) return word(p, end);
      if (first == CharClass::kNumber) return digits(q, end);
      if (q < end && !is_newline(*p)) {
        const CharClass second = classes_.at(q, end, after);
        if (in(kWord, second)) return word(q, end);
        if (*p == ' ' && in(kOthers, second)) return others(q + after, end);
      }
      return first == CharClass::kSpace ? spaces(p, end) : others(q, end);
    }
  }

 private:
  static constexpr bool kApart = Rules::kContractions == Contractions::kLower ||
                                 Rules::kContractions == Contractions::kAnyCase;
  static constexpr bool kAlone = Rules::kGpt2 && Rules::kDigits == 1;
  static constexpr bool kAnyCase = Rules::kContractions != Contractions::kLower;
  static constexpr unsigned kWord = kLetters | (Rules::kCased ? kUncased : 0);

  const uint8_t* skip(const uint8_t* p, const uint8_t* end, unsigned set) const {
    int length;
    while (p < end && in(set, classes_.at(p, end, length))) p += length;
    return p;
  }

  // GPT-2's: q is after the first character of a run of `kind`, start where its piece begins.
  const uint8_t* run(const uint8_t* q, const uint8_t* end, CharClass kind,
                     const uint8_t* start) const {
    if (kind == CharClass::kSpace) return spaces(start, end);
    if (kind == CharClass::kNumber) return kAlone ? q : skip(q, end, set_of(CharClass::kNumber));
    return skip(q, end, in(kLetters, kind) ? kLetters : kOthers);
  }

  const uint8_t* word(const uint8_t* p, const uint8_t* end) const {
    if constexpr (!Rules::kCased) return skip(p, end, kLetters);
    const uint8_t* uncased_end = nullptr;
    int length;
    while (p < end) {
      const CharClass kind = classes_.at(p, end, length);
      if (kind == CharClass::kLower) return glue(skip(p, end, kUncased | set_of(kind)), end);
      if (kind != CharClass::kUpper && !in(kUncased, kind)) break;
      p += length;
      if (kind != CharClass::kUpper) uncased_end = p;
    }
    // UB* has taken everything and gives back as little as lB+ needs.
    return glue(uncased_end ? uncased_end : p, end);
  }

  const uint8_t* glue(const uint8_t* p, const uint8_t* end) const {
    if constexpr (Rules::kContractions != Contractions::kGlued) return p;
    return p + contraction(p, end, true);
  }

  const uint8_t* digits(const uint8_t* p, const uint8_t* end) const {
    int length;
    for (int i = 1; i < Rules::kDigits && p < end; ++i, p += length) {
      if (classes_.at(p, end, length) != CharClass::kNumber) break;
    }
    return p;
  }

  const uint8_t* others(const uint8_t* p, const uint8_t* end) const {
    p = skip(p, end, kOthers);
    while (p < end && (is_newline(*p) || (Rules::kCased && *p == '/'))) ++p;
    return p;
  }

  // White space ends after its last newline. What has none leaves its last character to the next
  // piece, unless that is all there is, or a number that stands alone.
  const uint8_t* spaces(const uint8_t* p, const uint8_t* end) const {
    const uint8_t *q = p, *last = p, *newline = nullptr;
    CharClass next = CharClass::kOther;
    int length;
    while (q < end && (next = classes_.at(q, end, length)) == CharClass::kSpace) {
      last = q;
      q += length;
      if (is_newline(*last)) newline = q;
    }
    if (Rules::kTail && q == end) return q;
    if (kAlone && next == CharClass::kNumber) return q;
    if (!Rules::kGpt2 && newline) return newline;
    return q == end || last == p ? q : last;
  }

  const CharClasses& classes_ = CharClasses::get();
};

// White space and what is not.
class WordsScan {
 public:
  const uint8_t* next(const uint8_t* p, const uint8_t* end) const {
    int length;
    const bool space = classes_.at(p, end, length) == CharClass::kSpace;
    do {
      p += length;
    } while (p < end && (classes_.at(p, end, length) == CharClass::kSpace) == space);
    return p;
  }

 private:
  const CharClasses& classes_ = CharClasses::get();
};

}  // namespace gpte
