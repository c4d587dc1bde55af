// Each thread counts into tables of its own; after every few megabytes they are added up.
#include "text/word_count.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "core/check.h"
#include "core/parallel.h"
#include "text/file_window.h"
#include "text/hash_bytes.h"
#include "text/shared_poll.h"
#include "text/unicode.h"

namespace gpte {
namespace {

// A longer piece is cut here before it is counted: every merge rescans the words that it touches,
// so one endless piece would make training quadratic.
constexpr size_t kLongestWord = 1024;

constexpr size_t kTask = size_t(1) << 18;  // bytes of text that one thread takes at a time
constexpr size_t kNear = size_t(1) << 16;  // within so many bytes there mostly is a place to cut
constexpr size_t kLongestCharacter = 4;
constexpr int64_t kMostWeight = int64_t(1) << 61;

void check_cut(size_t bytes) {
  check(bytes <= UINT32_MAX, "tokenizer: a text of ", bytes,
        " bytes without a place to cut is too long");
}

std::vector<SpecialTokens::Special> numbered(const std::vector<std::string>& names) {
  std::vector<SpecialTokens::Special> out;
  for (const std::string& name : names) out.push_back({name, uint32_t(out.size())});
  return out;
}

// How much of a long piece is one word: it never ends inside a character.
size_t word_end(std::string_view piece) {
  if (piece.size() <= kLongestWord) return piece.size();
  size_t n = kLongestWord;
  while (n > kLongestWord - 3 && (uint8_t(piece[n]) & 0xC0) == 0x80) --n;
  return n;
}

// Counts in steps of 1/16, so that a histogram of them is short.
constexpr int kSteps = 64 * 16;
int step_of(int64_t count) {
  if (count < 16) return int(count);
  const int high = 63 - __builtin_clzll(uint64_t(count));
  return (high - 3) * 16 + int(count >> (high - 4) & 15);
}
int64_t least_of(int step) {
  if (step < 16) return step;
  return int64_t(16 + step % 16) << (step / 16 - 1);
}

// A number drawn by the word itself, the same in every process, and another one in each draw.
uint32_t lot_of(std::string_view word, uint64_t draw) {
  const auto* p = reinterpret_cast<const uint8_t*>(word.data());
  return uint32_t(mix(hash_bytes(p, word.size()), draw) >> 32);
}

}  // namespace

// Counts the words of one task's texts.
class WordCount::Counter {
 public:
  Counter(const WordCount& owner, Tables& tables, const std::function<void()>& poll)
      : owner_(owner), tables_(tables), pulse_(poll) {}

  void add(const Text& text) {
    weight_ = text.weight;
    const std::string_view letters = text.letters;
    SpecialTokens::Finder finder(owner_.specials_, letters, 0, pulse_);
    size_t at = 0;
    for (;;) {
      const SpecialTokens::Match match = finder.next(at);
      if (match.end == 0) break;
      add_plain(letters.substr(at, match.start - at));
      at = match.end;
    }
    add_plain(letters.substr(at));
  }

 private:
  void add_plain(std::string_view text) {
    constexpr int64_t kRoom = 256;
    uint32_t lengths[kRoom];
    const auto state = owner_.splitter_.start();
    while (!text.empty()) {
      const int64_t pieces = owner_.splitter_.split(text, lengths, kRoom, state.get());
      const size_t bytes = owner_.whole_words_ ? add_words(text, lengths, size_t(pieces))
                                               : add_pieces(text, lengths, size_t(pieces));
      text.remove_prefix(bytes);
      pulse_.beat(int64_t(bytes));
    }
  }

  // First all hashes, so that the slots are on their way from memory when they are needed.
  size_t add_pieces(std::string_view text, const uint32_t* lengths, size_t pieces) {
    struct {
      WordTable* table;
      WordTable::Key key;
      uint64_t hash;
    } found[256];
    size_t count = 0, at = 0;
    for (size_t i = 0; i < pieces; at += lengths[i++]) {
      const size_t size = lengths[i];
      if (size == 1) continue;  // has no pair
      if (size > WordTable::kShort) {
        add_long(text.substr(at, size));
        continue;
      }
      auto& f = found[count++];
      f.key = at + 16 <= text.size() ? masked(&text[at], size) : WordTable::key(&text[at], size);
      f.hash = WordTable::hash(f.key);
      f.table = &table(f.hash);
      f.table->prefetch(f.hash);
    }
    for (size_t i = 0; i < count; ++i) found[i].table->add(found[i].key, found[i].hash, weight_);
    return at;
  }

  void add_long(std::string_view piece) {
    while (!piece.empty()) {
      const size_t size = word_end(piece);
      add_word(piece.substr(0, size));
      piece.remove_prefix(size);
      pulse_.beat(int64_t(size));
    }
  }

  size_t add_words(std::string_view text, const uint32_t* lengths, size_t pieces) {
    const CharClasses& classes = CharClasses::get();
    size_t at = 0;
    for (size_t i = 0; i < pieces; at += lengths[i++]) {
      std::string_view word = text.substr(at, lengths[i]);
      const auto* p = reinterpret_cast<const uint8_t*>(word.data());
      int length;
      if (classes.at(p, p + word.size(), length) == CharClass::kSpace) continue;
      while (word.size() > kLongestWord) {
        const size_t size = word_end(word);
        add_word(word.substr(0, size));
        word.remove_prefix(size);
        pulse_.beat(int64_t(size));
      }
      whole_.assign(word);
      whole_.push_back(' ');
      add_word(whole_);
    }
    return at;
  }

  void add_word(std::string_view word) {
    if (word.size() > WordTable::kShort) {
      const uint64_t hash = WordTable::hash(word);
      table(hash).add(word, hash, weight_);
    } else {
      const WordTable::Key key = WordTable::key(word.data(), word.size());
      const uint64_t hash = WordTable::hash(key);
      table(hash).add(key, hash, weight_);
    }
  }

  // The key of a word behind which 16 bytes can be read.
  static WordTable::Key masked(const char* p, size_t size) {
    WordTable::Key k;
    std::memcpy(&k, p, sizeof k);
    const size_t low = std::min<size_t>(size, 8), high = size - low;
    k.low &= ~uint64_t{0} >> (64 - 8 * low);
    k.high &= (uint64_t{1} << (8 * high)) - 1;
    k.high |= uint64_t(size) << 56;
    return k;
  }

  WordTable& table(uint64_t hash) { return tables_[hash >> 60]; }

  const WordCount& owner_;
  Tables& tables_;
  Pulse pulse_;
  int64_t weight_ = 1;
  std::string whole_;
};

WordCount::WordCount(const std::vector<std::string>& specials, const Splitter& splitter, bool words,
                     int64_t memory)
    : specials_(numbered(specials)),
      splitter_(splitter),
      whole_words_(words),
      memory_(memory),
      round_(size_t(std::clamp<int64_t>(memory / 64, 1 << 16, 1 << 24))) {
  static_assert(kTables == 16, "the top four bits of a hash choose the table");
  check(memory >= 1 << 20, "tokenizer: memory is ", memory, " bytes and must be at least 1 MiB");
}

void WordCount::add(const std::vector<Text>& texts, const Poll& poll) {
  for (const Text& text : texts) {
    check(text.weight >= 1, "tokenizer: the weight of a text is ", text.weight,
          " and must be at least 1");
    const auto bytes = int64_t(text.letters.size());
    check(bytes == 0 || text.weight <= (kMostWeight - weighted_bytes_) / bytes,
          "tokenizer: weights times bytes exceed ", kMostWeight);
    weighted_bytes_ += bytes * text.weight;
  }
  std::vector<Text> round;
  size_t bytes = 0;
  const std::function<void()> tell = [&] { poll("count", report_.bytes, 0); };
  Pulse pulse(tell);
  const auto flush = [&] {
    count_round(round, tell);
    report_.bytes += int64_t(bytes);
    round.clear();
    bytes = 0;
    tell();
  };
  for (const Text& text : texts) {
    std::string_view rest = text.letters;
    while (!rest.empty()) {
      const std::string_view part = rest.substr(0, cut(rest, kTask, pulse));
      round.push_back({part, text.weight});
      rest.remove_prefix(part.size());
      if ((bytes += part.size()) >= round_) flush();
    }
  }
  if (bytes > 0) flush();
}

void WordCount::add_file(int file, const std::string& name, int64_t most, int64_t weight,
                         const Poll& poll) {
  FileWindow rest(file, name, most);
  // A place to cut is one whatever follows what was looked at: a special token, a character.
  const size_t ahead = specials_.longest() + kLongestCharacter;
  const std::function<void()> tell = [&] { poll("count", report_.bytes, 0); };
  Pulse pulse(tell);
  for (size_t wanted = round_;;) {
    const std::string_view window = rest.read(wanted + ahead + kNear);
    if (window.empty()) return;
    const size_t end = cut(window, round_, pulse);
    if (!rest.at_end() && end + ahead > window.size()) {
      check_cut(window.size());
      wanted = 2 * window.size();
      continue;
    }
    add({{window.substr(0, end), weight}}, poll);
    rest.drop(end);
    wanted = round_;
  }
}

// A place near `at` where texts can be cut in two that are counted alone; the end if there is none.
// No special token starts before and ends behind it.
size_t WordCount::cut(std::string_view text, size_t at, Pulse& pulse) const {
  size_t start = at - std::min(at, specials_.longest());
  SpecialTokens::Finder finder(specials_, text, start, pulse);
  while (at < text.size()) {
    at = splitter_.cut(text, at);
    if (at >= text.size()) break;
    SpecialTokens::Match match;
    do {
      match = finder.next(start, at);
      start = match.start + 1;
    } while (match.end != 0 && match.end <= at);
    if (match.end == 0) break;
    at = match.end;
  }
  return std::min(at, text.size());
}

void WordCount::count_round(const std::vector<Text>& texts, const std::function<void()>& poll) {
  for (const Text& text : texts) check_cut(text.letters.size());
  const auto tasks = std::min<size_t>(size_t(num_threads()), texts.size());
  if (local_.size() < tasks) local_.resize(tasks);
  std::atomic<size_t> next{0};
  SharedPoll shared(poll);
  shared.run(int64_t(tasks), [&](int64_t task, const auto& pulse) {
    Counter counter(*this, local_[size_t(task)], pulse);
    for (size_t i; (i = next.fetch_add(1)) < texts.size();) counter.add(texts[i]);
  });
  next = 0;
  shared.run(std::min(num_threads(), int(kTables)), [&](int64_t, const auto& pulse) {
    for (size_t t; (t = next.fetch_add(1)) < kTables;) {
      for (size_t task = 0; task < tasks; ++task) {
        pulse();
        words_[t].absorb(local_[task][t]);
        local_[task][t].clear();
      }
    }
  });
  int64_t cost = 0;
  for (const WordTable& table : words_) cost += table.cost();
  if (cost > memory_ / 2) {
    int64_t words = 0;
    for (const WordTable& table : words_) words += int64_t(table.words());
    const int64_t each = cost / words;
    drop_rare_words([each](size_t) { return each; }, memory_ / 4);
  }
}

void WordCount::drop_to_fit(const std::function<int64_t(size_t)>& cost) {
  constexpr int64_t kElse = int64_t{32} << 20;  // for tokens and whatever does not grow with words
  drop_rare_words(cost, memory_ - std::min(memory_ / 2, kElse));
}

void WordCount::drop_rare_words(const std::function<int64_t(size_t)>& cost, int64_t limit) {
  std::vector<int64_t> costs(kSteps);
  int64_t sum = 0;
  for (const WordTable& table : words_) {
    table.for_each([&](std::string_view word, int64_t count) {
      const int64_t c = cost(word.size());
      costs[size_t(step_of(count))] += c;
      sum += c;
    });
  }
  int step = 0;
  while (sum > limit && step + 1 < kSteps) sum -= costs[size_t(step++)];
  if (step == 0) return;
  // Of the last step to go, the share that there is room for stays: text without spaces has hardly
  // anything else than rare words. Which ones depends on nothing but themselves.
  const int64_t none_below = least_of(step - 1), all_from = least_of(step);
  const double room = double(limit - sum) / double(costs[size_t(step - 1)]);
  const auto share = uint32_t(room * double(UINT32_MAX));
  report_.least_count = std::max(report_.least_count, all_from);
  ++draws_;
  for (WordTable& table : words_) {
    WordTable kept;
    table.for_each([&](std::string_view word, int64_t count) {
      if (count >= all_from || (count >= none_below && lot_of(word, draws_) < share)) {
        return kept.add(word, count);
      }
      ++report_.dropped_words;
      report_.dropped_pieces += count;
    });
    table = std::move(kept);
  }
}

WordCount::Report WordCount::report() const {
  Report report = report_;
  for (const WordTable& table : words_) report.words += int64_t(table.words());
  return report;
}

}  // namespace gpte
