// Splits text into the pieces that merges never cross, as GPT-2's pattern does:
//   '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// The pieces tile the text. Bytes that are not UTF-8 belong to the third class.
#pragma once

#include <cstdint>

#include "text/unicode.h"

namespace gpte {

class Gpt2Splitter {
 public:
  // The end of the piece that starts at p < end.
  const uint8_t* next(const uint8_t* p, const uint8_t* end) const;

 private:
  const uint8_t* skip(const uint8_t* p, const uint8_t* end, CharClass kind) const;
  const CharClasses& classes_ = CharClasses::get();
};

}  // namespace gpte
