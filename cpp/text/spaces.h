// SentencePiece's view of text (Kudo and Richardson, 2018): a space is the letter ▁ of a token, one
// may stand before a text, and a character without a token is spelled by bytes <0x00> to <0xFF>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/split.h"

namespace gpte {

// Before which stretches of text, between special tokens, a space is put.
//   none    none
//   first   the one at the start of a text, if it does not start with a space
//   always  each that does not start with a space
//   every   each
enum class Prefix { none, first, always, every };

constexpr std::string_view kSpaceLetter = "\xE2\x96\x81";  // ▁, U+2581

// The length of the space at p < end, which ▁ is too; 0 if none is there.
inline int space_at(const uint8_t* p, const uint8_t* end) {
  if (*p == ' ') return 1;
  return *p == 0xE2 && end - p >= 3 && p[1] == 0x96 && p[2] == 0x81 ? 3 : 0;
}

inline int space_at_start(std::string_view text) {
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  return text.empty() ? 0 : space_at(p, p + text.size());
}

// The byte that a token <0x0A> stands for, or none.
std::optional<uint8_t> byte_spelled(std::string_view token);

// What a token is in text.
std::string spaces_as_read(std::string_view token);

// sentencepiece:PREFIX:PIECES, where PREFIX is never, first, always or every, and text is cut
//   words  before spaces, where no token has one behind another letter
//   each   before each space
//   text   nowhere
// Null for another name, as find_splitter.
const Splitter* space_splitter(std::string_view name);

// The prefix that such a name says; none for any other.
std::optional<Prefix> prefix_of(std::string_view split);

}  // namespace gpte
