// What the rules of quality ask of a text, counted in one go.
//
// Characters are code points; each maximal invalid part of the UTF-8 is one, U+FFFD. Words are
// those of text/folded_words.h, compared folded. Lines end at "\n"; without the white space at
// their ends, those that are not empty count. Paragraphs are longest runs of such lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/repeats.h"
#include "text/word_ids.h"

// F(name) for each count that is one number, in the order in which Python gets them.
//   bytes, characters       of the text
//   letters                 characters of the general category L
//   digits                  of N
//   whitespace              with the property White_Space
//   uppercase               of Lu and Lt
//   punctuation             of P
//   symbols_hash            "#"
//   curly_brackets          "{" and "}"
//   newlines                "\n"
//   ellipses                "…", and "..." without overlaps
//   sentences               . ! ? … before white space or the end, and each 。！？
//   urls                    :// after the word http or https of any case, and the word www before
//                           "." but not after "/"
//   words                   all of them
//   word_characters         together
//   words_with_letter       those with a letter
//   distinct_words          those that differ, folded
//   longest_word            characters of it
//   top_word_count          how often the most frequent word occurs
//   stop_words              words that are in the given set
//   distinct_stop_words     those of the set that occur
//   lines, line_characters  those that are not empty, and their characters together
//   longest_line            characters of it
//   short_lines             those of at most 30 characters
//   bullet_lines            those that begin with one of • ‣ ⁃ ▪ ▫ ● ○ ◦ ■ □ ▶ ►, or with one of
//                           - * + – — · and then white space
//   ellipsis_lines          those that end with "…" or "..."
//   terminal_punctuation_lines  those that end with one of . ! ? … ‼ ‽ ⁇ ⁈ ⁉ ؟ ۔ । ॥ 。 ！ ． ？ ｡
//   and
//                           any number of quotes and brackets ( " ' ’ ” “ ‘ » « › ‹ ) ] } 」 』 ）
//                           )
//   duplicate_lines, duplicate_line_characters  lines that equal one before them
//   paragraphs              all of them
//   duplicate_paragraphs, duplicate_paragraph_characters  those whose lines equal those of one
//                           before them; of their lines
#define GPTE_TEXT_STATISTICS(F) \
  F(bytes)                      \
  F(characters)                 \
  F(letters)                    \
  F(digits)                     \
  F(whitespace)                 \
  F(uppercase)                  \
  F(punctuation)                \
  F(symbols_hash)               \
  F(curly_brackets)             \
  F(newlines)                   \
  F(ellipses)                   \
  F(sentences)                  \
  F(urls)                       \
  F(words)                      \
  F(word_characters)            \
  F(words_with_letter)          \
  F(distinct_words)             \
  F(longest_word)               \
  F(top_word_count)             \
  F(stop_words)                 \
  F(distinct_stop_words)        \
  F(lines)                      \
  F(line_characters)            \
  F(longest_line)               \
  F(short_lines)                \
  F(bullet_lines)               \
  F(ellipsis_lines)             \
  F(terminal_punctuation_lines) \
  F(duplicate_lines)            \
  F(duplicate_line_characters)  \
  F(paragraphs)                 \
  F(duplicate_paragraphs)       \
  F(duplicate_paragraph_characters)

namespace gpte {

struct TextStatistics {
#define GPTE_FIELD(name) int64_t name = 0;
  GPTE_TEXT_STATISTICS(GPTE_FIELD)
#undef GPTE_FIELD
  Repeats repeats;
};

// Words to look for, such as a language's most frequent ones.
class WordSet {
 public:
  // Each has to be one word.
  explicit WordSet(const std::vector<std::string>& words);
  const std::vector<uint64_t>& hashes() const { return hashes_; }

 private:
  std::vector<uint64_t> hashes_;  // each once
};

constexpr int64_t kShortLine = 30;
constexpr size_t kMostStatisticsBytes = size_t(1) << 29;

// A text of at most kMostStatisticsBytes, looked at once: it keeps how often it has each word, so
// that any number of lists can be held against it, each in a step a word of the list. While a text
// is counted it takes about 30 bytes of memory a word, and up to 300 where everything repeats.
class CountedText {
 public:
  explicit CountedText(std::string_view text);
  // stop_words may be none.
  TextStatistics statistics(const WordSet* stop_words) const;

 private:
  TextStatistics counts_;  // without stop words
  WordIds words_;
  std::vector<uint32_t> times_;  // that each occurs, by its id
};

}  // namespace gpte
