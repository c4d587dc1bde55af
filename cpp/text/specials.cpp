// Looks for one telling byte of the names as fast as the C library can, then for the names.
#include "text/specials.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/check.h"

namespace gpte {
namespace {

constexpr size_t kMostPlaces = 8;  // of a name's first bytes, which are considered
constexpr uint8_t kCommon = 16;    // a byte that is frequent in text counts as so many rare ones

bool is_common(uint8_t byte) {
  return byte <= ' ' || byte >= 0x80 || (byte >= '0' && byte <= '9') ||
         ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
}

}  // namespace

SpecialTokens::SpecialTokens(std::vector<Special> specials) : specials_(std::move(specials)) {
  size_t shortest = kMostPlaces;
  for (const Special& special : specials_) {
    check(!special.name.empty(), "tokenizer: special token ", special.id, " has an empty name");
    shortest = std::min(shortest, special.name.size());
    longest_ = std::max(longest_, special.name.size());
  }
  std::sort(specials_.begin(), specials_.end(),
            [](const Special& a, const Special& b) { return a.name < b.name; });
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

SpecialTokens::Match SpecialTokens::find(std::string_view text, size_t start) const {
  if (specials_.empty()) return {0, 0, 0};
  for (size_t at = start + place_; at < text.size(); ++at) {
    if (marks_.size() == 1) {
      const void* hit = std::memchr(text.data() + at, marks_[0], text.size() - at);
      if (!hit) break;
      at = size_t(static_cast<const char*>(hit) - text.data());
    } else {
      while (at < text.size() && !is_mark_[uint8_t(text[at])]) ++at;
    }
    const Match match = longest_at(text, at - place_);
    if (match.end != 0) return match;
  }
  return {0, 0, 0};
}

// Narrows the range of the names that the text goes on like, byte by byte.
SpecialTokens::Match SpecialTokens::longest_at(std::string_view text, size_t start) const {
  Match match{0, 0, 0};
  auto first = specials_.begin(), last = specials_.end();
  for (size_t i = 0; first != last; ++i) {
    if (first->name.size() == i) {  // the shortest of the range comes first
      match = {start, start + i, first->id};
      ++first;
    }
    if (start + i >= text.size()) break;
    const auto byte = uint8_t(text[start + i]);
    const auto of = [i](const Special& s) { return uint8_t(s.name[i]); };
    first = std::partition_point(first, last, [&](const Special& s) { return of(s) < byte; });
    last = std::partition_point(first, last, [&](const Special& s) { return of(s) == byte; });
  }
  return match;
}

}  // namespace gpte
