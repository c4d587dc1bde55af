// What curation counts of texts: repeated n-grams equal their definition, every instruction set
// signs alike, counts are those of the text's parts, and copies have the hash of what they copy.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "fuzz/fuzz.h"
#include "fuzz/text_kernels.h"
#include "text/minhash.h"
#include "text/text_hash.h"
#include "text/text_statistics.h"

using namespace gpte;

namespace {

using Gram = std::vector<uint32_t>;

// Few different words, so that n-grams repeat.
void check_repeats(std::string_view bytes, uint32_t distinct) {
  std::vector<uint32_t> ids, lengths;
  for (const char c : bytes) {
    ids.push_back(uint8_t(c) % distinct);
    lengths.push_back(1 + ids.back());  // a word has one length
  }
  std::vector<uint32_t> times(distinct);
  const Repeats got = count_repeats(times, ids, lengths);
  for (uint32_t id = 0; id < distinct; ++id) {
    const auto often = std::count(ids.begin(), ids.end(), id);
    require(times[id] == uint64_t(often), "word ", id, " comes ", times[id], " times, not ", often);
  }
  for (int n = kTopFirst; n <= kRepeatLast; ++n) {
    std::map<Gram, int64_t> counts;
    std::set<size_t> covered;
    for (size_t i = 0; i + size_t(n) <= ids.size(); ++i) {
      const auto first = ids.begin() + int64_t(i);
      if (++counts[Gram(first, first + n)] == 1) continue;
      for (size_t k = i; k < i + size_t(n); ++k) covered.insert(k);
    }
    if (n <= kTopLast) {
      int64_t most = 1, covers = 0;
      for (const auto& [gram, count] : counts) {
        int64_t characters = n - 1;
        for (const uint32_t id : gram) characters += 1 + id;
        if (count > most) covers = 0;
        most = std::max(most, count);
        if (count == most && count > 1) covers = std::max(covers, count * characters);
      }
      require(got.top_characters[n - kTopFirst] == covers, "top ", n, "-gram covers ",
              got.top_characters[n - kTopFirst], ", not ", covers);
    } else if (n >= kRepeatFirst) {
      int64_t characters = 0;
      for (const size_t k : covered) characters += lengths[k];
      require(got.repeated_characters[n - kRepeatFirst] == characters, "repeated ", n,
              "-grams have ", got.repeated_characters[n - kRepeatFirst], " characters, not ",
              characters);
    }
  }
}

void check_kernels(Input& in) {
  const size_t vectors = 1 + in.below(9), permutations = vectors * size_t(kMinHashStep);
  std::vector<uint32_t> times, plus, shingles;
  for (size_t k = 0; k < permutations; ++k) times.push_back(in.word() | 1);
  for (size_t k = 0; k < permutations; ++k) plus.push_back(in.word());
  while (!in.empty()) shingles.push_back(in.word());
  std::vector<int32_t> want(permutations, INT32_MAX);
  for (const uint32_t x : shingles) {
    for (size_t k = 0; k < permutations; ++k) {
      want[k] = std::min(want[k], int32_t(times[k] * x + plus[k]));
    }
  }
  for (const Isa isa : available_isas()) {
    std::vector<int32_t> got(permutations, INT32_MAX);
    minhash_kernels(isa).lower(got.data(), shingles.data(), int64_t(shingles.size()), times.data(),
                               plus.data(), int64_t(permutations));
    require(got == want, "minhash on ", name_of(isa), ": ", listed(got), ", not ", listed(want));
  }
}

void check_text(std::string_view text, size_t at) {
  static const WordSet stop_words({"the", "\xC3\xA9", "a"});
  const auto count = [](std::string_view some) {
    return CountedText(some).statistics(&stop_words);
  };
  const TextStatistics all = count(text);
  require(all.distinct_words <= all.words && all.word_characters <= all.characters &&
              all.characters <= all.bytes && all.duplicate_lines < std::max<int64_t>(1, all.lines),
          "counts that cannot be");
  // A text that ends with a newline can be cut there: what is of one line or less adds up.
  const size_t cut = text.find('\n', std::min(at, text.size()));
  if (cut != std::string_view::npos) {
    const Exact left(text.substr(0, cut + 1)), right(text.substr(cut + 1));
    const TextStatistics a = count(left.view()), b = count(right.view());
#define GPTE_SUM(name) \
  require(all.name == a.name + b.name, #name, " ", all.name, ", not ", a.name, " + ", b.name);
    GPTE_SUM(bytes)
    GPTE_SUM(characters)
    GPTE_SUM(punctuation)
    GPTE_SUM(sentences)
    GPTE_SUM(urls)
    GPTE_SUM(words)
    GPTE_SUM(word_characters)
    GPTE_SUM(stop_words)
    GPTE_SUM(lines)
    GPTE_SUM(line_characters)
    GPTE_SUM(bullet_lines)
    GPTE_SUM(terminal_punctuation_lines)
#undef GPTE_SUM
  }
  std::vector<uint32_t> one(32), two(32);
  const MinHash minhash(32, 5, at);
  minhash.signature(one.data(), text);
  std::string spaced(text);
  for (char& c : spaced) c = c == ' ' ? '\n' : c >= 'a' && c <= 'z' ? char(c - 32) : c;
  minhash.signature(two.data(), spaced);
  require(one == two, "a signature knows case or white space");
  require(std::all_of(one.begin(), one.end(), [](uint32_t v) { return v == MinHash::kEmpty; }) ==
              (all.words == 0),
          "a signature of ", all.words, " words");
  std::string copy = "\n " + std::string(text) + "\t";
  require(text_hash(copy) == text_hash(text), "a hash knows white space");
  require(int64_t(line_parts(text).size()) == all.lines, "lines");
  require(int64_t(paragraph_parts(text).size()) == all.paragraphs, "paragraphs");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  const size_t which = in.below(3), number = in.byte();
  if (which == 0) {
    const Exact exact(in.rest());
    check_text(exact.view(), number);
  } else if (which == 1) {
    check_repeats(in.bytes(300), 1 + uint32_t(number % 8));
  } else {
    check_kernels(in);
  }
  return 0;
}
