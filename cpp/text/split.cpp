// GPT-2's split pattern as a scanner: one look at the first characters chooses the alternative.
#include "text/split.h"

namespace gpte {
namespace {

// Length of a contraction after the apostrophe at p, or 0.
int contraction(const uint8_t* p, const uint8_t* end) {
  if (end - p < 2) return 0;
  const uint8_t a = p[1];
  if (a == 's' || a == 'd' || a == 'm' || a == 't') return 2;
  if (end - p < 3) return 0;
  const uint8_t b = p[2];
  return (a == 'l' && b == 'l') || (a == 'v' && b == 'e') || (a == 'r' && b == 'e') ? 3 : 0;
}

}  // namespace

const uint8_t* Gpt2Splitter::skip(const uint8_t* p, const uint8_t* end, CharClass kind) const {
  int length;
  while (p < end && classes_.at(p, end, length) == kind) p += length;
  return p;
}

const uint8_t* Gpt2Splitter::next(const uint8_t* p, const uint8_t* end) const {
  if (*p == '\'') {
    if (const int n = contraction(p, end)) return p + n;
  }
  int length;
  const uint8_t* word = p + (*p == ' ' && p + 1 < end);  // one space belongs to what follows it
  const CharClass kind = classes_.at(word, end, length);
  if (kind != CharClass::kSpace) return skip(word + length, end, kind);

  // White space leaves its last character to the next piece, unless that is all there is.
  const uint8_t *q = p, *last = p;
  while (q < end && classes_.at(q, end, length) == CharClass::kSpace) {
    last = q;
    q += length;
  }
  return q == end || last == p ? q : last;
}

}  // namespace gpte
