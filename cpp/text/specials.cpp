// Looks for one telling byte of the names as fast as the C library can, then for the names: byte by
// byte, and where texts and names make that long, by what the automaton says of a whole stretch.
#include "text/specials.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/check.h"

namespace gpte {
namespace {

constexpr size_t kMostPlaces = 8;  // of a name's first bytes, which are considered
constexpr uint8_t kCommon = 16;    // a byte that is frequent in text counts as so many rare ones
constexpr size_t kStretch = 4096;  // bytes that are read backwards at least
constexpr size_t kWalks = 4;       // bytes of names that may be compared for each byte of text

bool is_common(uint8_t byte) {
  return byte <= ' ' || byte >= 0x80 || (byte >= '0' && byte <= '9') ||
         ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
}

using Specials = std::vector<SpecialTokens::Special>;

Specials sorted(Specials specials) {
  for (const auto& special : specials) {
    check(!special.name.empty(), "tokenizer: special token ", special.id, " has an empty name");
  }
  std::stable_sort(specials.begin(), specials.end(),
                   [](const auto& a, const auto& b) { return a.name < b.name; });
  specials.erase(std::unique(specials.begin(), specials.end(),
                             [](const auto& a, const auto& b) { return a.name == b.name; }),
                 specials.end());
  return specials;
}

std::vector<std::string_view> names_of(const Specials& specials) {
  std::vector<std::string_view> names;
  for (const auto& special : specials) names.emplace_back(special.name);
  return names;
}

}  // namespace

SpecialTokens::SpecialTokens(std::vector<Special> specials)
    : specials_(sorted(std::move(specials))), automaton_(names_of(specials_)) {
  size_t shortest = kMostPlaces;
  for (const Special& special : specials_) {
    shortest = std::min(shortest, special.name.size());
    longest_ = std::max(longest_, special.name.size());
  }
  int least = INT32_MAX;
  for (size_t place = 0; place < shortest && !specials_.empty(); ++place) {
    std::array<bool, 256> is_mark{};
    std::vector<uint8_t> marks;
    int cost = 0;
    for (const Special& special : specials_) {
      const auto byte = uint8_t(special.name[place]);
      if (std::exchange(is_mark[byte], true)) continue;
      marks.push_back(byte);
      cost += is_common(byte) ? kCommon : 1;
    }
    if (cost > least) continue;
    least = cost;
    place_ = place;
    marks_ = std::move(marks);
    is_mark_ = is_mark;
  }
}

SpecialTokens::Match SpecialTokens::Finder::next(size_t start, size_t stop) {
  if (specials_.empty()) return {0, 0, 0};
  const size_t place = specials_.place_, end = std::min(text_.size(), stop) + place;
  const std::vector<uint8_t>& marks = specials_.marks_;
  const std::string_view text = text_.substr(0, end);
  for (size_t at = start + place; at < text.size(); ++at) {
    if (marks.size() == 1) {
      const void* hit = std::memchr(text.data() + at, marks[0], text.size() - at);
      if (!hit) break;
      at = size_t(static_cast<const char*>(hit) - text.data());
    } else {
      while (at < text.size() && !specials_.is_mark_[uint8_t(text[at])]) ++at;
      if (at == text.size()) break;
    }
    const Match match = longest_at(at - place);
    if (match.end != 0) return match;
  }
  return {0, 0, 0};
}

// Usual names end or differ soon. Where comparing them has taken too long for the way so far, the
// automaton takes over: "aaa...ab" in a text of the letter a.
SpecialTokens::Match SpecialTokens::Finder::longest_at(size_t start) {
  const bool is_known = start >= known_ && start - known_ < names_.size();
  if (!is_known) {
    if (walked_ <= kStretch + kWalks * (start - begin_)) return walk(start);
    read_backwards(start);
  }
  pulse_.beat(1);
  const uint32_t name = names_[start - known_];
  if (name == NameAutomaton::kNone) return {0, 0, 0};
  const Special& special = specials_.specials_[name];
  return {start, start + special.name.size(), special.id};
}

// Narrows the range of the names that the text goes on like, byte by byte.
SpecialTokens::Match SpecialTokens::Finder::walk(size_t start) {
  Match match{0, 0, 0};
  auto first = specials_.specials_.begin(), last = specials_.specials_.end();
  size_t i = 0;
  for (; first != last; ++i) {
    if (first->name.size() == i) {  // the shortest of the range comes first
      match = {start, start + i, first->id};
      ++first;
    }
    if (start + i >= text_.size()) break;
    const auto byte = uint8_t(text_[start + i]);
    const auto of = [i](const Special& s) { return uint8_t(s.name[i]); };
    first = std::partition_point(first, last, [&](const Special& s) { return of(s) < byte; });
    last = std::partition_point(first, last, [&](const Special& s) { return of(s) == byte; });
  }
  walked_ += i;
  pulse_.beat(int64_t(i));
  return match;
}

// What starts in the next stretch depends on what stands behind it, as far as a name reaches.
void SpecialTokens::Finder::read_backwards(size_t start) {
  const size_t stretch = std::max(kStretch, specials_.longest_);
  const size_t end = start + std::min(stretch, text_.size() - start);
  known_ = start;
  names_.resize(end - start);
  uint32_t state = 0;
  for (size_t at = end + std::min(specials_.longest_, text_.size() - end); at-- > start;) {
    state = specials_.automaton_.step(state, uint8_t(text_[at]));
    if (at < end) names_[at - start] = specials_.automaton_.name(state);
    pulse_.beat(1);
  }
}

}  // namespace gpte
