// How the last token of a word says so, in classic byte-pair encoding.
#pragma once

#include <string_view>

namespace gpte {

constexpr std::string_view kEndOfWord = "</w>";

constexpr bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// Whether a token ends a word: something, and then the mark.
constexpr bool ends_word(std::string_view token) {
  return token.size() > kEndOfWord.size() && ends_with(token, kEndOfWord);
}

}  // namespace gpte
