// Piece starts by shifting masks. A window of 64 bytes begins where a piece begins, so nothing is
// carried from window to window, and the next one begins at the last start that is certain.
//
// Bit i of a mask is character i; text of more than one byte a character is squeezed to that and
// its starts are spread to bytes again. x << 1 is "after an x", x & ~(x << 1) the first of each
// run, and x + b, with b in a run of x, has a 1 after that run: carries walk along runs.
#include "kernels/text.h"

#include "kernels/split_rules.h"
#include "kernels/text_block.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

struct Masks {
  struct {
    uint64_t of[8];  // by CharClass
    uint64_t plain, newline, apostrophe, slash;
  } is;
  uint64_t chars;  // bytes that are a character's first
  uint64_t valid;  // bytes that are known
};

// The bits below i, of 0 to 64.
GPTE_INLINE uint64_t below(int i) {
  return i < 64 ? (uint64_t(1) << i) - 1 : ~uint64_t(0);
}
GPTE_INLINE uint64_t bit(int i) {
  return uint64_t(1) << i;
}
GPTE_INLINE int first_of(uint64_t mask) {
  return __builtin_ctzll(mask);
}
GPTE_INLINE bool follows(uint8_t c) {
  return (c & 0xC0) == 0x80;
}

// Length of the valid UTF-8 character that is not ASCII at p[0..n), or 0.
GPTE_INLINE int decode(const uint8_t* p, int n, uint32_t& code) {
  const uint32_t a = p[0];
  if (a < 0xC2 || n < 2 || !follows(p[1])) return 0;
  code = (a & 31) << 6 | (p[1] & 63);
  if (a < 0xE0) return 2;
  if (n < 3 || !follows(p[2])) return 0;
  code = (code & 0x3FF) << 6 | (p[2] & 63);
  if (a < 0xF0) return code >= 0x800 && (code < 0xD800 || code > 0xDFFF) ? 3 : 0;
  if (n < 4 || !follows(p[3])) return 0;
  code = ((a & 7) << 18) | (code & 0xFFF) << 6 | (p[3] & 63);
  return a < 0xF5 && code >= 0x10000 && code < 0x110000 ? 4 : 0;
}

void classify_high(Masks& m, const uint8_t* p, uint64_t high, const CharTable& table) {
  while (high) {
    const int i = first_of(high);
    uint32_t code;
    const int n = decode(p + i, 64 - i, code);
    if (n == 0) {
      m.valid = below(i);
      break;
    }
    m.is.of[table.blocks[table.index[code >> 7] << 7 | (code & 127)]] |= bit(i);
    m.chars &= ~((bit(n) - 2) << i);
    high &= ~((bit(n) - 1) << i);
  }
}

GPTE_INLINE void classify(Masks& m, const uint8_t* p, const CharTable& table) {
  const Block b = load_block(p);
  for (uint64_t& mask : m.is.of) mask = 0;
  m.is.of[int(CharClass::kUpper)] = range(b, 'A', 26);
  m.is.of[int(CharClass::kLower)] = range(b, 'a', 26);
  m.is.of[int(CharClass::kNumber)] = range(b, '0', 10);
  m.is.plain = equal(b, ' ');
  m.is.of[int(CharClass::kSpace)] = m.is.plain | range(b, 9, 5);
  m.is.newline = equal(b, '\n') | equal(b, '\r');
  m.is.apostrophe = equal(b, '\'');
  m.is.slash = equal(b, '/');
  m.chars = m.valid = ~uint64_t(0);
  const uint64_t rest = high(b);
  if (__builtin_expect(rest != 0, 0)) classify_high(m, p, rest, table);
}

// Length of the contraction at p, of which three bytes can be read, or 0.
template <class Rules>
GPTE_INLINE int contraction(const uint8_t* p) {
  constexpr bool kAny = Rules::kContractions != Contractions::kLower;
  const uint8_t a = kAny ? p[1] | 0x20 : p[1], b = kAny ? p[2] | 0x20 : p[2];
  if (a == 's' || a == 'd' || a == 'm' || a == 't') return 2;
  if (kAny && p[1] == 0xC5 && p[2] == 0xBF) return 3;
  return (a == 'l' && b == 'l') || (a == 'v' && b == 'e') || (a == 'r' && b == 'e') ? 3 : 0;
}

// Moves starts to where contractions end. Bytes: starts, the apostrophes that may begin one, those
// of words, and how many are known; keep loses what is no longer certain.
template <class Rules>
GPTE_INLINE void contract(uint64_t& starts, uint64_t& keep, uint64_t candidates, uint64_t words,
                          bool uncased, int n, const uint8_t* p) {
  constexpr bool kGlued = Rules::kContractions == Contractions::kGlued;
  for (int end = 0; candidates; candidates &= candidates - 1) {
    const int i = first_of(candidates);
    if (kGlued && i == end) continue;  // a word has one
    const int length = i + 3 <= n ? contraction<Rules>(p + i) : 0;
    if (i + 3 > n || (length && i + length >= n)) {
      keep &= below(kGlued ? i : i + 1);
      return;
    }
    if (length == 0) continue;
    end = i + length;
    starts &= ~(below(end) ^ below(kGlued ? i : i + 1));
    starts |= bit(end);
    if (kGlued && uncased && (words & bit(end))) {  // where a word begins changes where it ends
      keep &= below(end + 1);
      return;
    }
  }
}

// Where the class of characters changes; a space goes with what comes after it. Where numbers stand
// alone, that is no number, and the space before it is one piece.
template <class Rules>
GPTE_INLINE uint64_t gpt2_starts(const Masks& m, uint64_t letters, uint64_t numbers,
                                 uint64_t others, uint64_t spaces) {
  const uint64_t change = (letters & ~(letters << 1)) | (others & ~(others << 1));
  if constexpr (Rules::kDigits == 1) {
    const uint64_t lasts = ~((spaces | numbers) >> 1);
    return numbers | (change & ~(m.is.plain << 1)) | (spaces & (~(spaces << 1) | lasts));
  }
  return ((change | (numbers & ~(numbers << 1))) & ~(m.is.plain << 1)) |
         (spaces & (~(spaces << 1) | ~(spaces >> 1)));
}

// The newlines, and for some patterns slashes, that punctuation takes.
template <class Rules>
GPTE_INLINE uint64_t taken(const Masks& m, uint64_t others) {
  uint64_t first = m.is.newline & (others << 1);
  if (!Rules::kCased || !((m.is.newline << 1) & m.is.slash))
    return m.is.newline & ~(m.is.newline + first);
  const uint64_t both = m.is.newline | m.is.slash;
  uint64_t all = 0;
  while (first) {
    const uint64_t run = both & ~(both + (first & -first));
    all |= run;
    first &= ~run;
  }
  return all;
}

// Starts of white space, of which `wide` is what is no newline, `ends` its newlines.
GPTE_INLINE uint64_t space_starts(uint64_t spaces, uint64_t wide, uint64_t ends) {
  uint64_t tails = wide & (ends << 1);  // after the last newline of a run
  if (tails && (ends & (wide << 1))) {
    for (uint64_t todo = tails; todo; todo &= todo - 1) {
      const uint64_t b = todo & -todo;
      if ((wide + b) & ~wide & ends) tails &= ~b;
    }
  }
  return (spaces & ~(spaces << 1)) | tails | (wide & ~(spaces >> 1));
}

// Where a word ends within a run of letters and a new one begins.
GPTE_INLINE uint64_t capitals(uint64_t upper, uint64_t lower, uint64_t uncased, int n,
                              uint64_t& keep) {
  if (!uncased) return upper & (lower << 1);
  const uint64_t lowered = lower | (uncased & ~(uncased + (uncased & (lower << 1))));
  uint64_t starts = upper & (lowered << 1);
  // UB* takes the capitals after the last letter without case only if a lower one comes.
  for (uint64_t todo = upper & (uncased << 1) & ~starts; todo; todo &= todo - 1) {
    const uint64_t b = todo & -todo, after = (upper + b) & ~upper;
    if (after == 0 || (after & below(n)) == 0) {
      keep &= b - 1;
      break;
    }
    if (!(after & (lower | uncased))) starts |= b;
  }
  return starts;
}

// Marks in a run of punctuation that takes them, which one character before a word does not.
GPTE_INLINE uint64_t marks_of_punctuation(const Masks& m, uint64_t others, uint64_t marks) {
  uint64_t run = marks | others, reached = others & ((others | m.is.plain) << 1);
  for (int shift = 1; shift < 64; shift *= 2) {
    reached |= run & (reached << shift);
    run &= run << shift;
  }
  return marks & reached;
}

// The certain starts of pieces after the first byte.
template <class Rules>
GPTE_INLINE uint64_t starts_in(const uint8_t* p, const CharTable& table) {
  Masks m;
  classify(m, p, table);
  uint64_t spaces = m.is.of[int(CharClass::kSpace)];
  if constexpr (Rules::kWords) {
    for (int i = 0; i < 2; ++i) spaces |= (spaces << 1) & ~m.chars;  // all bytes of a space
    return (spaces ^ (spaces << 1)) & m.valid & m.chars & ~uint64_t(1);
  }
  const bool wide = m.chars != ~uint64_t(0);
  const Squeeze to_chars = squeeze_to(m.chars);
  const int bytes = __builtin_popcountll(m.valid);
  if (__builtin_expect(wide, 0)) {
    uint64_t masks[sizeof(m.is) / sizeof(uint64_t)];
    memcpy(masks, &m.is, sizeof(masks));
    for (uint64_t& mask : masks) mask = squeeze(to_chars, mask & m.valid);
    memcpy(&m.is, masks, sizeof(masks));
    m.valid = below(__builtin_popcountll(m.chars & m.valid));
  }
  const int n = __builtin_popcountll(m.valid);
  spaces = m.is.of[int(CharClass::kSpace)] & m.valid;
  const uint64_t upper = m.is.of[int(CharClass::kUpper)], lower = m.is.of[int(CharClass::kLower)];
  const uint64_t numbers = m.is.of[int(CharClass::kNumber)] & m.valid;
  uint64_t marks = m.is.of[int(CharClass::kMark)] & m.valid;
  uint64_t letters = (upper | lower | m.is.of[int(CharClass::kLetter)]) & m.valid;
  uint64_t others = m.valid & ~(letters | numbers | spaces);
  if (n == 0 || spaces == m.valid) return 0;

  // White space at the window's end is not certain, but for its first character.
  uint64_t keep = below(n - __builtin_clzll(~(spaces << (64 - n))) + 1);
  uint64_t starts, candidates = 0;
  if constexpr (Rules::kGpt2) {
    starts = gpt2_starts<Rules>(m, letters, numbers, others, spaces);
    candidates = m.is.apostrophe & (starts | 1);
  } else {
    if (Rules::kCased && marks) {
      if ((m.is.newline << 1) & m.is.slash) return 0;
      others &= ~marks;
      const uint64_t punctuation = marks_of_punctuation(m, others, marks);
      others |= punctuation;
      marks &= ~punctuation;
      letters |= marks;
    }
    const uint64_t swallowed = taken<Rules>(m, others);
    others &= ~swallowed;
    spaces &= ~swallowed;
    const uint64_t ends = m.is.newline & ~swallowed, blank = spaces & ~m.is.newline;
    const uint64_t first_others = others & ~(others << 1) & ~(m.is.plain << 1);
    const uint64_t single = first_others & ~(others >> 1);
    starts = (letters & ~((letters | blank | single) << 1)) | first_others;
    starts |= space_starts(spaces, blank, ends);
    if constexpr (Rules::kDigits == 1) {
      starts |= numbers;
    } else {
      uint64_t group = numbers & ~(numbers << 1);
      const uint64_t long_ones = numbers & (numbers << 1) & (numbers << 2) & (numbers << 3);
      do {
        starts |= group;
        group = (group << 3) & long_ones;
      } while (group);
    }
    if constexpr (Rules::kCased) {
      starts |= capitals(upper & m.valid, lower & m.valid, letters & ~(upper | lower), n, keep);
    }
    if constexpr (Rules::kContractions == Contractions::kGlued) {
      candidates = m.is.apostrophe & (letters << 1);
    } else if constexpr (Rules::kContractions != Contractions::kNone) {
      candidates = m.is.apostrophe & single;
    }
  }
  starts &= m.valid;
  candidates &= m.valid;
  uint64_t words = letters;
  if (__builtin_expect(wide, 0)) {
    starts = spread(to_chars, starts);
    candidates = spread(to_chars, candidates);
    words = spread(to_chars, words);
    keep = spread(to_chars, keep);
  }
  if constexpr (Rules::kContractions != Contractions::kNone) {
    const bool uncased = Rules::kCased && (letters & ~(upper | lower));
    contract<Rules>(starts, keep, candidates, words, uncased, bytes, p);
  }
  return starts & keep & ~uint64_t(1);
}

template <class Rules>
int64_t split(const uint8_t* text, int64_t size, uint32_t* lengths, int64_t room,
              const CharTable& table, int64_t* done) {
  const uint8_t *p = text, *end = text + size;
  uint32_t* out = lengths;
  while (end - p >= kTextWindow && room - (out - lengths) >= kTextWindow) {
    uint64_t starts = starts_in<Rules>(p, table);
    if (!starts) break;
    const int last = 63 - __builtin_clzll(starts), count = __builtin_popcountll(starts);
    int before = 0;
    for (int i = 0; i < count; i += 16) {  // a few too many cost less than a branch for each
#pragma GCC unroll 16
      for (int j = 0; j < 16; ++j) {
        const int at = first_of(starts | bit(63));
        out[i + j] = uint32_t(at - before);
        before = at;
        starts &= starts - 1;
      }
    }
    out += count;
    p += last;
  }
  *done = p - text;
  return out - lengths;
}

}  // namespace

extern const TextKernels text = {split<Gpt2Rules>,  split<SmolLMRules>, split<Llama3Rules>,
                                 split<O200kRules>, split<Qwen2Rules>,  split<TekkenRules>,
                                 split<WordsRules>};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
