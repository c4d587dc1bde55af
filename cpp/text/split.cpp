// GPT-2's split pattern as a scanner: one look at the first characters chooses the alternative.
//   '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
#include "text/split.h"

#include "core/check.h"
#include "text/unicode.h"

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

class Gpt2Splitter final : public Splitter {
 public:
  int64_t split(std::string_view text, uint32_t* lengths, int64_t room) const override {
    const auto* p = reinterpret_cast<const uint8_t*>(text.data());
    const uint8_t* end = p + text.size();
    int64_t count = 0;
    for (; p < end && count < room; ++count) {
      const uint8_t* after = next(p, end);
      check(after - p <= int64_t(UINT32_MAX), "tokenizer: a piece of ", after - p,
            " bytes is too long");
      lengths[count] = uint32_t(after - p);
      p = after;
    }
    return count;
  }

 private:
  const uint8_t* skip(const uint8_t* p, const uint8_t* end, CharClass kind) const {
    int length;
    while (p < end && classes_.at(p, end, length) == kind) p += length;
    return p;
  }

  // The end of the piece that starts at p < end.
  const uint8_t* next(const uint8_t* p, const uint8_t* end) const {
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

  const CharClasses& classes_ = CharClasses::get();
};

}  // namespace

const Splitter* find_splitter(std::string_view name) {
  static const Gpt2Splitter gpt2;
  return name == "gpt2" ? &gpt2 : nullptr;
}

}  // namespace gpte
