#include "text/spans.h"

#include <algorithm>
#include <vector>

#include "core/check.h"
#include "text/unicode.h"

namespace gpte {
namespace {

constexpr size_t kLongPiece = 1024;

const uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

bool starts_character(std::string_view text, size_t at) {
  return at >= text.size() || (uint8_t(text[at]) & 0xC0) != 0x80;
}

// The ends of the pieces of a text, special tokens being pieces, up to the second one past
// `enough`.
std::vector<size_t> piece_ends(const Bpe& bpe, std::string_view text, size_t enough,
                               const Bpe::Options& options) {
  constexpr int64_t kRoom = 256;
  uint32_t lengths[kRoom];
  std::vector<size_t> ends{0};
  Pulse pulse(options.poll);
  SpecialTokens::Finder finder(bpe.specials(), text, 0, pulse);
  const auto done = [&] { return ends.size() > 2 && ends[ends.size() - 2] > enough; };
  while (ends.back() < text.size() && !done()) {
    SpecialTokens::Match match{0, 0, 0};
    if (!options.as_text) match = finder.next(ends.back());
    const size_t stop = match.end != 0 ? match.start : text.size();
    const auto state = bpe.splitter().start();
    while (ends.back() < stop && !done()) {
      const size_t at = ends.back();
      const int64_t pieces =
          bpe.splitter().split(text.substr(at, stop - at), lengths, kRoom, state.get());
      for (int64_t i = 0; i < pieces; ++i) ends.push_back(ends.back() + lengths[i]);
    }
    if (match.end != 0 && !done()) ends.push_back(match.end);
  }
  return ends;
}

}  // namespace

void byte_spans(int64_t* spans, const TokenBytes& bytes, const uint32_t* ids, int64_t count) {
  int64_t at = 0;
  for (int64_t i = 0; i < count; ++i) {
    spans[2 * i] = at;
    spans[2 * i + 1] = at += bytes.size_of(ids[i]);
  }
}

void char_spans(int64_t* spans, std::string_view text, const TokenBytes& bytes, const uint32_t* ids,
                int64_t count) {
  const uint8_t *p = bytes_of(text), *end = p + text.size();
  const uint8_t* after = p;  // the end of the character with the number `number`
  int64_t number = -1;
  for (int64_t i = 0; i < count; ++i) {
    if (after == p) after += decode_utf8(after, end).length, ++number;
    spans[2 * i] = number;
    p += bytes.size_of(ids[i]);
    while (after < p) after += decode_utf8(after, end).length, ++number;
    spans[2 * i + 1] = number + 1;
  }
}

// A cut changes the pieces near it only: a piece's end may depend on the white space that follows
// it and on one character more. So what lies before a piece that something else follows is settled.
Bpe::Refusal truncate(int64_t& length, const Bpe& bpe, std::string_view text, int64_t n,
                      const Bpe::Options& options) {
  check(n >= 0, "truncate: ", n, " tokens must not be fewer than 0");
  check(bpe.lossless(), "truncate: a vocabulary of words does not keep where its tokens stand");
  TokenBuffer ids;
  std::vector<int64_t> offsets;
  const Bpe::Refusal refusal = bpe.encode(ids, offsets, {text}, options, false);
  length = int64_t(text.size());
  if (refusal.match.end != 0 || ids.size() <= n) return refusal;

  std::vector<size_t> token_ends{0};
  for (int64_t i = 0; i < ids.size(); ++i) {
    token_ends.push_back(token_ends.back() + bpe.bytes().size_of(ids.data()[i]));
  }
  const auto tokens_until = [&](size_t at) {
    return int64_t(std::upper_bound(token_ends.begin(), token_ends.end(), at) -
                   token_ends.begin()) -
           1;
  };
  const auto count = [&](std::string_view part) {
    int64_t value = 0;
    bpe.count(value, part, options);
    return value;
  };
  const int64_t most = n;
  const size_t full = token_ends[size_t(most)];
  const std::vector<size_t> ends = piece_ends(bpe, text, full, options);

  // With the first piece that is too much and something after it, there are more than n tokens.
  const auto settled = [&](size_t end) {  // the shortest prefix in which that end of a piece holds
    const uint8_t *p = bytes_of(text) + end, *last = bytes_of(text) + text.size();
    int size = 0;
    while (p < last && CharClasses::get().at(p, last, size) == CharClass::kSpace) p += size;
    return p < last ? size_t(p + size - bytes_of(text)) : text.size() + 1;
  };
  auto too_much = size_t(std::upper_bound(ends.begin(), ends.end(), full) - ends.begin());
  size_t at = too_much < ends.size() ? std::min(settled(ends[too_much]), text.size()) : text.size();
  size_t base = std::min(too_much, ends.size() - 1);
  for (; at > 0; --at) {
    if (!starts_character(text, at)) continue;
    while (base > 0 && (ends[base] >= at || settled(ends[base]) > at)) --base;
    if (at - ends[base] > kLongPiece) {
      // The first tokens of an encoding are the encoding of their text, but for rare vocabularies.
      do at = token_ends[size_t(n)];
      while (n-- > 0 && !(starts_character(text, at) && count(text.substr(0, at)) <= most));
      break;
    }
    if (tokens_until(ends[base]) + count(text.substr(ends[base], at - ends[base])) > most) continue;
    if (count(text.substr(0, at)) <= most) break;
  }
  length = int64_t(at);
  return refusal;
}

}  // namespace gpte
