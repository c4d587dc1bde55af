#include "text/rule_split.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "core/check.h"
#include "text/scan.h"

namespace gpte {
namespace {

// Characters that have a name of their own beside their class.
constexpr unsigned kPlain = 1u << 16, kNewline = 1u << 17;

unsigned set_named(char name) {
  switch (name) {
    case 'L':
      return kLetters;
    case 'U':
      return set_of(CharClass::kUpper);
    case 'l':
      return set_of(CharClass::kLower);
    case 'C':
      return set_of(CharClass::kLetter);
    case 'M':
      return set_of(CharClass::kMark);
    case 'N':
      return set_of(CharClass::kNumber);
    case 'S':
      return set_of(CharClass::kSpace);
    case 'O':
      return set_of(CharClass::kOther);
    case 'n':
      return kNewline;
    case '_':
      return kPlain;
    default:
      return 0;
  }
}

// A character's class, or what has a name of its own.
constexpr unsigned kNewlineKind = 7, kPlainKind = 8;

unsigned kind_of(CharClass c, uint8_t first) {
  return is_newline(first) ? kNewlineKind : first == ' ' ? kPlainKind : unsigned(c);
}

bool has_kind(unsigned set, unsigned kind) {
  if (kind < kNewlineKind) return set >> kind & 1;
  return in(set, CharClass::kSpace) || set & (kind == kPlainKind ? kPlain : kNewline);
}

bool has(unsigned set, CharClass kind, uint8_t first) {
  return in(set, kind) || (set & kPlain && first == ' ') || (set & kNewline && is_newline(first));
}

constexpr size_t kMostRuns = 1000;  // each is looked at for each piece
constexpr size_t kShown = 100;      // bytes of rules in a message

// The rules, or how they begin, ending with a whole character.
std::string shown(std::string_view rules) {
  if (rules.size() <= kShown) return std::string(rules);
  size_t end = kShown;
  while (end > 0 && (uint8_t(rules[end]) & 0xC0) == 0x80) --end;
  return std::string(rules.substr(0, end)) + "...";
}

// A number of a rule, at most 9 digits.
uint32_t number(std::string_view rules, size_t& at) {
  uint32_t value = 0;
  const size_t begin = at;
  while (at < rules.size() && rules[at] >= '0' && rules[at] <= '9' && at - begin < 9) {
    value = value * 10 + uint32_t(rules[at++] - '0');
  }
  check(at > begin, "split: in the rules ", shown(rules), " there is no number at ", begin);
  return value;
}

}  // namespace

RuleSplitter::RuleSplitter(std::string_view rules) {
  for (size_t at = 0; at <= rules.size(); ++at) {
    std::vector<Run> rule;
    const size_t begin = at;
    while (at < rules.size() && rules[at] != '|') {
      rule.push_back(parse(rules, at));
      check(++runs_ <= kMostRuns, "split: the rules ", shown(rules), " have more than ", kMostRuns,
            " runs");
    }
    const bool takes =
        std::any_of(rule.begin(), rule.end(), [](const Run& run) { return run.least > 0; });
    check(takes, "split: in the rules ", shown(rules), " the one at ", begin,
          " can be of no character");
    find_neighbours(rule);
    rules_.push_back(std::move(rule));
  }
}

RuleSplitter::Run RuleSplitter::parse(std::string_view rules, size_t& at) const {
  const size_t begin = at;
  Run run = {0, 1, 1};
  const bool several = rules[at] == '[';
  if (several) ++at;
  do {
    const unsigned set = at < rules.size() ? set_named(rules[at]) : 0;
    check(set != 0, "split: in the rules ", shown(rules), " there is no character class at ", at);
    run.set |= set;
    ++at;
  } while (several && (at == rules.size() || rules[at] != ']'));
  if (several) ++at;
  if (at == rules.size()) return run;
  switch (rules[at]) {
    case '?':
      run.least = 0;
      break;
    case '*':
      run.least = 0;
      run.most = UINT32_MAX;
      break;
    case '+':
      run.most = UINT32_MAX;
      break;
    case '{':
      run.least = run.most = number(rules, ++at);
      if (at < rules.size() && rules[at] == ',') {
        ++at;
        const bool open = at < rules.size() && rules[at] == '}';
        run.most = open ? UINT32_MAX : number(rules, at);
      }
      check(at < rules.size() && rules[at] == '}' && run.most >= run.least && run.most > 0,
            "split: in the rules ", shown(rules), " the run at ", begin,
            " has no lengths {least,most}");
      break;
    default:
      return run;
  }
  ++at;
  return run;
}

// Where the runs of all rules began and ended when they were last looked at.
class RuleSplitter::Reach final : public State {
 public:
  explicit Reach(size_t runs) : stretches_(runs) {}

  // How many characters the run takes from p on, and their end. p never goes back.
  uint32_t look(size_t number, const Run& run, const uint8_t* p, const uint8_t* end,
                const uint8_t*& after) {
    const uint32_t most = std::min(run.most, kNear);
    const uint8_t* q = p;
    uint32_t count = 0;
    for (int length; count < most && q < end && has(run.set, classes_.at(q, end, length), *q);) {
      q += length;
      ++count;
    }
    if (__builtin_expect(count == kNear, 0)) {
      const Stretch& far = look_far(stretches_[number], run, {p, q, count}, end);
      q = far.end;
      count = far.count;
    }
    after = q;
    return count;
  }
  int64_t far_looks() const { return far_looks_; }

 private:
  struct Stretch {
    const uint8_t *begin = nullptr, *end = nullptr;
    uint32_t count = 0;  // characters
  };
  static constexpr uint32_t kNear = 16;  // what is so short is as soon read again as remembered

  const Stretch& look_far(Stretch& known, const Run& run, const Stretch& near, const uint8_t* end) {
    if (near.begin >= known.end) known = near;
    for (int length; known.begin < near.begin; known.begin += length, --known.count, ++far_looks_) {
      classes_.at(known.begin, end, length);
    }
    for (int length; known.count < run.most && known.end < end; known.end += length, ++far_looks_) {
      if (!has(run.set, classes_.at(known.end, end, length), *known.end)) break;
      ++known.count;
    }
    return known;
  }

  const CharClasses& classes_ = CharClasses::get();
  std::vector<Stretch> stretches_;
  int64_t far_looks_ = 0;
};

std::unique_ptr<Splitter::State> RuleSplitter::start() const {
  return std::make_unique<Reach>(runs_);
}

int64_t RuleSplitter::far_looks(const State& state) {
  return static_cast<const Reach&>(state).far_looks();
}

const uint8_t* RuleSplitter::next(const uint8_t* p, const uint8_t* end, Reach& reach) const {
  size_t number = 0;  // of the run, in all rules
  for (const std::vector<Run>& rule : rules_) {
    const uint8_t* q = p;
    bool fits = true;
    for (const Run& run : rule) {
      if (fits && reach.look(number, run, q, end, q) < run.least) fits = false;
      ++number;
    }
    if (fits) return q;
  }
  int length;
  CharClasses::get().at(p, end, length);
  return p + length;
}

int64_t RuleSplitter::split(std::string_view text, uint32_t* lengths, int64_t room,
                            State* state) const {
  const std::unique_ptr<State> own = state ? nullptr : start();
  auto& reach = static_cast<Reach&>(state ? *state : *own);
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  int64_t count = 0;
  for (; p < end && count < room; ++count) {
    const uint8_t* after = next(p, end, reach);
    check(after - p <= int64_t(UINT32_MAX), "tokenizer: a piece of ", after - p,
          " bytes is too long");
    lengths[count] = uint32_t(after - p);
    p = after;
  }
  return count;
}

// What a rule may read one after the other: two characters of a run, or of a run and a later one
// where nothing is needed from the runs between.
void RuleSplitter::find_neighbours(const std::vector<Run>& rule) {
  for (size_t i = 0; i < rule.size(); ++i) {
    for (size_t j = rule[i].most > 1 ? i : i + 1; j < rule.size(); ++j) {
      for (unsigned a = 0; a < kKinds; ++a) {
        for (unsigned b = 0; b < kKinds; ++b) {
          if (has_kind(rule[i].set, a) && has_kind(rule[j].set, b)) neighbours_[a].set(b);
        }
      }
      if (j > i && rule[j].least > 0) break;
    }
  }
}

// A rule that comes to such a place stops there as it would stop at the end of the text, and so
// every piece that begins before ends before.
size_t RuleSplitter::cut(std::string_view text, size_t at) const {
  const CharClasses& classes = CharClasses::get();
  const auto* begin = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t *end = begin + text.size(), *start;
  if (at == 0) return 0;
  CharClass last;
  for (const uint8_t* p = begin + std::min(at, text.size()); p < end; ++p) {
    if (!before(classes, begin, p, last, start)) continue;
    const Char next = decode_utf8(p, end);
    if (next.state != Utf8::kValid) continue;
    const unsigned kind = kind_of(classes.of(next.code), *p);
    if (!neighbours_[kind_of(last, *start)][kind]) return size_t(p - begin);
  }
  return text.size();
}

}  // namespace gpte
