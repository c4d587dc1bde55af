// Characters are counted by a histogram of the bytes; then one scan finds words, lines and what
// stands between words, and one walk the repeated n-grams.
#include "text/text_statistics.h"

#include <algorithm>
#include <cstring>

#include "core/check.h"
#include "text/folded_words.h"
#include "text/line_statistics.h"

namespace gpte {
namespace {

const uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// Bytes by value, in several tables: one would wait for itself where a byte repeats.
struct Histogram {
  static constexpr size_t kTables = 4;
  uint32_t count[kTables][256] = {};

  void add(uint64_t eight) {
    for (size_t i = 0; i < 8; ++i) ++count[i % kTables][eight >> (8 * i) & 0xFF];
  }
  int64_t of(size_t byte) const {
    int64_t sum = 0;
    for (const auto& table : count) sum += table[byte];
    return sum;
  }
};

void count_characters(TextStatistics& out, std::string_view text) {
  constexpr uint64_t kHigh = 0x8080808080808080u;
  const CharInfos& infos = CharInfos::get();
  const auto count = [&](uint32_t code, int64_t times) {
    const CharInfo& info = infos.of(code);
    out.characters += times;
    if (info.letter()) out.letters += times;
    if (info.kind == CharClass::kUpper) out.uppercase += times;
    if (info.digit()) out.digits += times;
    if (info.space()) out.whitespace += times;
    if (info.punctuation) out.punctuation += times;
  };
  Histogram ascii;
  const uint8_t *p = bytes_of(text), *end = p + text.size();
  while (p < end) {
    uint64_t eight;
    if (end - p >= 8 && (std::memcpy(&eight, p, 8), (eight & kHigh) == 0)) {
      ascii.add(eight);
      p += 8;
    } else if (*p < 0x80) {
      ++ascii.count[0][*p++];
    } else {
      const Char c = decode_char(p, end);
      count(c.code, 1);
      p += c.length;
    }
  }
  for (uint32_t code = 0; code < 0x80; ++code) count(code, ascii.of(code));
  out.bytes = int64_t(text.size());
  out.newlines = ascii.of('\n');
  out.symbols_hash = ascii.of('#');
  out.curly_brackets = ascii.of('{') + ascii.of('}');
}

class Scanner {
 public:
  Scanner(TextStatistics& out, WordIds& distinct, std::string_view text)
      : out_(out),
        distinct_(distinct),
        begin_(bytes_of(text)),
        end_(begin_ + text.size()),
        words_(end_),
        lines_(out) {
    ids_.reserve(text.size() / 5);
    lengths_.reserve(text.size() / 5);
  }

  // times: gets how often each of the distinct words occurs.
  void scan(std::vector<uint32_t>& times) {
    for (const uint8_t* p = begin_; p < end_;) {
      if (starts_word(p)) {
        p = word(p);
      } else if (*p < 0x80) {
        p = between(p);
      } else {
        p = wide_between(p);
      }
    }
    lines_.end_text();
    out_.words = int64_t(ids_.size());
    out_.distinct_words = distinct_.size();
    times.resize(distinct_.size());
    out_.repeats = count_repeats(times, ids_, lengths_);
    for (const uint32_t n : times) out_.top_word_count = std::max(out_.top_word_count, int64_t(n));
  }

 private:
  bool starts_word(const uint8_t* p) const {
    if (*p < 0x80) return ascii::is_letter(*p) || ascii::is_digit(*p);
    return CharInfos::get().of(decode_char(p, end_).code).in_word();
  }

  const uint8_t* word(const uint8_t* p) {
    const FoldedWord word = words_.at(p);
    ids_.push_back(distinct_.add(words_.hash(word)));
    lengths_.push_back(uint32_t(word.characters));
    out_.word_characters += word.characters;
    out_.words_with_letter += word.letters;
    out_.longest_word = std::max(out_.longest_word, word.characters);
    last_word_ = word;
    visible(word.begin, word.end, (word.end - word.begin) - word.characters);
    return word.end;
  }

  void visible(const uint8_t* from, const uint8_t* to, int64_t more_bytes) {
    const int64_t before = extra_;
    extra_ += more_bytes;
    lines_.visible(from, before, to, extra_);
  }

  // A character that is ASCII and begins no word, or a run of dots.
  const uint8_t* between(const uint8_t* p) {
    const uint8_t* next = p + 1;
    switch (*p) {
      case ' ':
      case '\t':
      case '\v':
      case '\f':
      case '\r':
        return next;
      case '\n':
        lines_.end_line();
        return next;
      case '.':
        while (next < end_ && *next == '.') ++next;
        out_.ellipses += (next - p) / 3;
        out_.urls +=
            is_last_word(p, "www") && (last_word_.begin == begin_ || last_word_.begin[-1] != '/');
        [[fallthrough]];
      case '!':
      case '?':
        out_.sentences += space_or_end(next);
        break;
      case ':':
        out_.urls += end_ - p >= 3 && p[1] == '/' && p[2] == '/' &&
                     (is_last_word(p, "http") || is_last_word(p, "https"));
    }
    visible(p, next, 0);
    return next;
  }

  const uint8_t* wide_between(const uint8_t* p) {
    const Char c = decode_char(p, end_);
    const uint8_t* next = p + c.length;
    if (CharInfos::get().of(c.code).space()) {
      extra_ += c.length - 1;
      return next;
    }
    out_.ellipses += c.code == 0x2026;
    out_.sentences += c.code == 0x3002 || c.code == 0xFF01 || c.code == 0xFF1F ||
                      (c.code == 0x2026 && space_or_end(next));
    visible(p, next, c.length - 1);
    return next;
  }

  bool space_or_end(const uint8_t* p) const {
    int length;
    return p == end_ || CharClasses::get().at(p, end_, length) == CharClass::kSpace;
  }

  // Whether the last word ends at p and is `lower`, in any case.
  bool is_last_word(const uint8_t* p, std::string_view lower) const {
    if (last_word_.end != p || p - last_word_.begin != int64_t(lower.size())) return false;
    for (size_t i = 0; i < lower.size(); ++i) {
      if ((last_word_.begin[i] | 0x20) != lower[i]) return false;
    }
    return true;
  }

  TextStatistics& out_;
  WordIds& distinct_;
  const uint8_t *begin_, *end_;
  const FoldedWords words_;
  LineStatistics lines_;
  std::vector<uint32_t> ids_, lengths_;  // of each word, and its characters
  FoldedWord last_word_{};
  int64_t extra_ = 0;  // bytes so far that are not the first of a character
};

std::string_view checked(std::string_view text) {
  check(text.size() <= kMostStatisticsBytes, "text_statistics: a text of ", text.size(),
        " bytes, at most ", kMostStatisticsBytes, ": split it");
  return text;
}

}  // namespace

WordSet::WordSet(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    const uint8_t *begin = bytes_of(word), *end = begin + word.size();
    const FoldedWords folded(end);
    check(begin < end, "WordSet: an empty word");
    const FoldedWord found = folded.at(begin);
    check(found.end == end, "WordSet: '", word, "' is not one word");
    hashes_.push_back(folded.hash(found));
  }
  std::sort(hashes_.begin(), hashes_.end());
  hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
}

CountedText::CountedText(std::string_view text) : words_(checked(text).size() / 16) {
  count_characters(counts_, text);
  Scanner(counts_, words_, text).scan(times_);
}

TextStatistics CountedText::statistics(const WordSet* stop_words) const {
  TextStatistics out = counts_;
  if (!stop_words) return out;
  for (const uint64_t hash : stop_words->hashes()) {
    const uint32_t id = words_.find(hash);
    if (id == words_.size()) continue;
    out.stop_words += times_[id];
    ++out.distinct_stop_words;
  }
  return out;
}

}  // namespace gpte
