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

bool has(unsigned set, CharClass kind, uint8_t first) {
  return in(set, kind) || (set & kPlain && first == ' ') || (set & kNewline && is_newline(first));
}

// A number of a rule, at most 9 digits.
uint32_t number(std::string_view rules, size_t& at) {
  uint32_t value = 0;
  const size_t begin = at;
  while (at < rules.size() && rules[at] >= '0' && rules[at] <= '9' && at - begin < 9) {
    value = value * 10 + uint32_t(rules[at++] - '0');
  }
  check(at > begin, "split: in the rules ", std::string(rules), " there is no number at ", begin);
  return value;
}

}  // namespace

RuleSplitter::RuleSplitter(std::string_view rules) {
  for (size_t at = 0; at <= rules.size(); ++at) {
    std::vector<Run> rule;
    const size_t begin = at;
    while (at < rules.size() && rules[at] != '|') rule.push_back(parse(rules, at));
    const bool takes =
        std::any_of(rule.begin(), rule.end(), [](const Run& run) { return run.least > 0; });
    check(takes, "split: in the rules ", std::string(rules), " the one at ", begin,
          " can be of no character");
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
    check(set != 0, "split: in the rules ", std::string(rules), " there is no character class at ",
          at);
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
            "split: in the rules ", std::string(rules), " the run at ", begin,
            " has no lengths {least,most}");
      break;
    default:
      return run;
  }
  ++at;
  return run;
}

const uint8_t* RuleSplitter::next(const uint8_t* p, const uint8_t* end) const {
  const CharClasses& classes = CharClasses::get();
  int length;
  for (const std::vector<Run>& rule : rules_) {
    const uint8_t* q = p;
    bool fits = true;
    for (const Run& run : rule) {
      uint32_t count = 0;
      while (count < run.most && q < end && has(run.set, classes.at(q, end, length), *q)) {
        q += length;
        ++count;
      }
      if (count < run.least) {
        fits = false;
        break;
      }
    }
    if (fits) return q;
  }
  classes.at(p, end, length);
  return p + length;
}

int64_t RuleSplitter::split(std::string_view text, uint32_t* lengths, int64_t room) const {
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  int64_t count = 0;
  for (; p < end && count < room; ++count) {
    const uint8_t* after = next(p, end);
    check(after - p <= int64_t(UINT32_MAX), "tokenizer: a piece of ", after - p,
          " bytes is too long");
    lengths[count] = uint32_t(after - p);
    p = after;
  }
  return count;
}

size_t RuleSplitter::cut(std::string_view text, size_t at) const {
  return at == 0 ? 0 : text.size();
}

}  // namespace gpte
