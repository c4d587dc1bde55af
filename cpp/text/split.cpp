// The splitters by name, and where text can be cut between them.
#include "text/split.h"

#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/check.h"
#include "kernels/kernels.h"
#include "text/rule_split.h"
#include "text/scan.h"
#include "text/spaces.h"

namespace gpte {
namespace {

// Whether every pattern has a border at begin < p < end, whatever comes before and after, and the
// end of the text at p would not change the piece before it.
bool border(const CharClasses& classes, const uint8_t* begin, const uint8_t* p,
            const uint8_t* end) {
  const uint8_t* start;
  CharClass last;
  int length;
  if (!before(classes, begin, p, last, start)) return false;
  const CharClass next = classes.at(p, end, length);
  constexpr unsigned kSolid = kLetters | set_of(CharClass::kNumber);
  // Punctuation takes the newlines after it.
  if (next == CharClass::kSpace) {
    return in(kSolid, last) || (last != CharClass::kSpace && !is_newline(*p));
  }
  // White space of one newline; of several characters, GPT-2's last one would be for itself.
  if (*start != '\n' || !in(kSolid, next) || start == begin) return false;
  return before(classes, begin, start, last, start) && last != CharClass::kSpace;
}

template <class Scan>
class ScanSplitter final : public Splitter {
 public:
  // The instruction set's scanner, or none.
  explicit ScanSplitter(SplitText fast) : fast_(fast) {}

  int64_t split(std::string_view text, uint32_t* lengths, int64_t room, State*) const override {
    const auto* p = reinterpret_cast<const uint8_t*>(text.data());
    const uint8_t* end = p + text.size();
    int64_t count = 0;
    for (; p < end && count < room; ++count) {
      if (fast_) {
        if (room - count < kTextWindow && count > 0) break;  // the next call has room again
        int64_t done;
        count += end - p >= kTextWindow
                     ? fast_(p, end - p, lengths + count, room - count, table_, &done)
                     : split_rest(p, end - p, lengths + count, room - count, &done);
        p += done;
        if (count == room || p == end) break;
      }
      const uint8_t* after = scan_.next(p, end);
      check(after - p <= int64_t(UINT32_MAX), "tokenizer: a piece of ", after - p,
            " bytes is too long");
      lengths[count] = uint32_t(after - p);
      p = after;
    }
    return count;
  }

  size_t cut(std::string_view text, size_t at) const override {
    const auto* begin = reinterpret_cast<const uint8_t*>(text.data());
    const uint8_t* end = begin + text.size();
    if (at == 0 || at >= text.size()) return at == 0 ? 0 : text.size();
    for (const uint8_t* p = begin + at; p < end; ++p) {
      if (border(CharClasses::get(), begin, p, end)) return size_t(p - begin);
    }
    return text.size();
  }

 private:
  // Like fast_ for less than a window, as if the text went on with a letter, which ends no piece
  // that did not end there before. Pieces that reach the end, or white space there, are left.
  int64_t split_rest(const uint8_t* p, int64_t n, uint32_t* lengths, int64_t room,
                     int64_t* done) const {
    constexpr int64_t kWorth = 8;  // less is as soon scanned
    int64_t last = n;
    while (last > 0 && (p[last - 1] == ' ' || (p[last - 1] >= 9 && p[last - 1] <= 13))) --last;
    *done = 0;
    if (last < kWorth || p[last - 1] >= 0x80) return 0;  // that might be white space too
    uint8_t window[kTextWindow];
    std::memset(window, 'x', sizeof window);
    std::memcpy(window, p, size_t(n));
    int64_t count = fast_(window, kTextWindow, lengths, room, table_, done);
    while (*done > last) *done -= lengths[--count];
    return count;
  }

  Scan scan_;
  SplitText fast_;
  CharTable table_ = CharClasses::get().table();
};

// Those of rules stay for good, as the others do; a program has few.
const Splitter* rule_splitter(std::string_view rules) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<RuleSplitter>, std::less<>> known;
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = known.find(rules);
  if (found != known.end()) return found->second.get();
  auto splitter = std::make_unique<RuleSplitter>(rules);
  return known.emplace(rules, std::move(splitter)).first->second.get();
}

}  // namespace

const Splitter* find_splitter(std::string_view name) {
  const std::string_view rules = "rules:";
  if (name.substr(0, rules.size()) == rules) return rule_splitter(name.substr(rules.size()));
  if (const Splitter* spaces = space_splitter(name)) return spaces;
  static const TextKernels& fast = *kernels().text;
  static const ScanSplitter<Scan<Gpt2Rules>> gpt2(fast.gpt2), plain_gpt2(nullptr);
  static const ScanSplitter<Scan<SmolLMRules>> smollm(fast.smollm), plain_smollm(nullptr);
  static const ScanSplitter<Scan<Cl100kRules>> cl100k(fast.llama3), plain_cl100k(nullptr);
  static const ScanSplitter<Scan<O200kRules>> o200k(fast.o200k), plain_o200k(nullptr);
  static const ScanSplitter<Scan<Llama3Rules>> llama3(fast.llama3), plain_llama3(nullptr);
  static const ScanSplitter<Scan<Qwen2Rules>> qwen2(fast.qwen2), plain_qwen2(nullptr);
  static const ScanSplitter<Scan<TekkenRules>> tekken(fast.tekken), plain_tekken(nullptr);
  static const ScanSplitter<WordsScan> words(fast.words), plain_words(nullptr);
  const struct {
    std::string_view name;
    const Splitter *splitter, *plain;
  } known[] = {{"gpt2", &gpt2, &plain_gpt2},       {"smollm", &smollm, &plain_smollm},
               {"cl100k", &cl100k, &plain_cl100k}, {"o200k", &o200k, &plain_o200k},
               {"llama3", &llama3, &plain_llama3}, {"qwen2", &qwen2, &plain_qwen2},
               {"tekken", &tekken, &plain_tekken}, {"words", &words, &plain_words}};
  const std::string_view suffix =
      " plain";  // by the scanner of every machine: for tests, benchmarks
  const bool plain =
      name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix;
  if (plain) name.remove_suffix(suffix.size());
  for (const auto& entry : known) {
    if (entry.name == name) return plain ? entry.plain : entry.splitter;
  }
  return nullptr;
}

}  // namespace gpte
