// The classes of characters, and what tells the split patterns apart, for both scanners. In a
// pattern, word is a run of letters, other is [^\s\p{L}\p{N}].
#pragma once

#include <stdint.h>

namespace gpte {

// General categories: kUpper is Lu and Lt, kLower Ll, kLetter Lm and Lo (letters without case),
// kMark M, kNumber N. kSpace is the property White_Space, which U+001C to U+001F do not have.
enum class CharClass : uint8_t { kOther, kUpper, kLower, kLetter, kMark, kNumber, kSpace };

enum class Contractions {
  kNone,
  kLower,    // '(?:[sdmt]|ll|ve|re), a piece of its own
  kAnyCase,  // the same with (?i:), where s is also U+017F, the long s
  kGlued,    // of any case, and the end of the word before it
};

// ' ?word| ?\p{N}+| ?other+|\s+(?!\S)|\s+
struct Gpt2Rules {
  static constexpr Contractions kContractions = Contractions::kLower;
  static constexpr bool kGpt2 = true;    // a space may stand before all three, nothing else may
  static constexpr int kDigits = 0;      // most digits in a piece; 0 is any number
  static constexpr bool kCased = false;  // words end before a capital; marks are letters
  static constexpr bool kTail = false;   // |\s+$ comes before the rule for newlines
  static constexpr bool kWords = false;  // nothing of all this: \s+|\S+
};

// 's|...|\p{N}| ?word| ?other+|\s+(?![^\s\p{N}])|\s+: each number alone, then GPT-2's pattern on
// what lies between them.
struct SmolLMRules : Gpt2Rules {
  static constexpr int kDigits = 1;
};

// [^\r\n\p{L}\p{N}]?word|\p{N}{1,3}| ?other+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
struct Llama3Rules : Gpt2Rules {
  static constexpr Contractions kContractions = Contractions::kAnyCase;
  static constexpr bool kGpt2 = false;
  static constexpr int kDigits = 3;
};

struct Qwen2Rules : Llama3Rules {
  static constexpr int kDigits = 1;
};

struct Cl100kRules : Llama3Rules {
  static constexpr bool kTail = true;
};

// Llama 3's with ?other+[\r\n/]*, and a word is one of these, where UB is [\p{Lu}\p{Lt}\p{Lm}\p{Lo}
// \p{M}] and lB is [\p{Ll}\p{Lm}\p{Lo}\p{M}]: UB*lB+ or, where that fails, UB+lB*.
struct O200kRules : Llama3Rules {
  static constexpr Contractions kContractions = Contractions::kGlued;
  static constexpr bool kCased = true;
};

struct TekkenRules : O200kRules {
  static constexpr Contractions kContractions = Contractions::kNone;
  static constexpr int kDigits = 1;
};

struct WordsRules : Gpt2Rules {
  static constexpr bool kWords = true;
};

}  // namespace gpte
