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
  size_t at = 0;
  Pulse pulse(options.poll);
  SpecialTokens::Finder finder(bpe.specials(), text, 0, pulse);
  const auto done = [&] { return ends.size() > 2 && ends[ends.size() - 2] > enough; };
  while (at < text.size() && !done()) {
    SpecialTokens::Match match{0, 0, 0};
    if (!options.as_text) match = finder.next(at);
    const size_t stop = match.end != 0 ? match.start : text.size();
    const auto state = bpe.splitter().start();
    while (at < stop && !done()) {
      const int64_t pieces =
          bpe.splitter().split(text.substr(at, stop - at), lengths, kRoom, state.get());
      for (int64_t i = 0; i < pieces; ++i) ends.push_back(at += lengths[i]);
    }
    if (match.end == 0 || done()) continue;
    at = match.end;
    // What follows may need the special token before it, for a prefix.
    if (bpe.prefix() == Prefix::none || at == text.size()) ends.push_back(at);
  }
  return ends;
}

}  // namespace

namespace {

// How much of a text a token is that starts there: its spaces may be the letter ▁.
size_t length_in(std::string_view text, std::string_view token) {
  size_t length = 0;
  for (const char c : token) {
    const int space = c == ' ' ? space_at_start(text.substr(length)) : 0;
    length += space > 0 ? size_t(space) : 1;
  }
  return length;
}

}  // namespace

void byte_spans(int64_t* spans, std::string_view text, const Bpe& bpe, const uint32_t* ids,
                int64_t count, bool continued) {
  int64_t at = 0;
  bool fresh = !continued;
  for (int64_t i = 0; i < count; ++i) {
    spans[2 * i] = at;
    if (bpe.symbols() == Symbols::characters) {
      const std::string_view rest = text.substr(size_t(at));
      fresh = fresh && bpe.puts_prefix(rest);
      at += int64_t(length_in(rest, bpe.read(ids[i], fresh)));
    } else {
      at += bpe.bytes().size_of(ids[i]);
    }
    spans[2 * i + 1] = at;
  }
}

void char_spans(int64_t* spans, std::string_view text, int64_t count) {
  const uint8_t *p = bytes_of(text), *end = p + text.size();
  const uint8_t* after = p;  // the end of the character with the number `number`
  int64_t number = -1;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t length = spans[2 * i + 1] - spans[2 * i];
    if (length == 0) {
      spans[2 * i] = spans[2 * i + 1] = number + (after == p);
      continue;
    }
    if (after == p) after += decode_utf8(after, end).length, ++number;
    spans[2 * i] = number;
    p += length;
    while (after < p) after += decode_utf8(after, end).length, ++number;
    spans[2 * i + 1] = number + 1;
  }
}

// A cut changes the pieces near it only: a piece's end may depend on the white space that follows
// it and on one character more. So what lies before a piece that something else follows is settled.
Bpe::Refusal truncate(int64_t& length, const Bpe& bpe, std::string_view text, int64_t n,
                      const Bpe::Options& options) {
  check(n >= 0, "truncate: ", n, " tokens must not be fewer than 0");
  check(bpe.tiles(), "truncate: a vocabulary of words does not keep where its tokens stand");
  TokenBuffer ids;
  std::vector<int64_t> offsets;
  const Bpe::Refusal refusal = bpe.encode(ids, offsets, {text}, options, false);
  length = int64_t(text.size());
  if (refusal.match.end != 0 || ids.size() <= n) return refusal;

  std::vector<size_t> token_ends{0};
  {
    std::vector<int64_t> spans(size_t(2 * ids.size()));
    byte_spans(spans.data(), text, bpe, ids.data(), ids.size());
    for (size_t i = 1; i < spans.size(); i += 2) token_ends.push_back(size_t(spans[i]));
  }
  const auto tokens_until = [&](size_t at) {
    if (at == 0) return int64_t{0};  // one that is nothing but a prefix ends there, too
    return int64_t(std::upper_bound(token_ends.begin(), token_ends.end(), at) -
                   token_ends.begin()) -
           1;
  };
  const int64_t most = n;
  const auto count = [&](size_t from, size_t to) {
    Bpe::Options part = options;
    part.continued = from > 0;
    int64_t value = 0;
    const Bpe::Refusal refused = bpe.count(value, text.substr(from, to - from), part);
    return refused.match.end != 0 ? most + 1 : value;  // half a piece, which alone is a token
  };
  const size_t full = token_ends[size_t(most)];
  const std::vector<size_t> ends = piece_ends(bpe, text, full, options);

  // With the first piece that is too much and something after it, there are more than n tokens.
  // Asked of one end after another from right to left: white space is walked over once.
  size_t known = text.size(), known_settled = text.size() + 1;
  const auto settled = [&](size_t end) {  // the shortest prefix in which that end of a piece holds
    const uint8_t *start = bytes_of(text), *p = start + end, *last = start + text.size();
    int size = 0;
    while (p != start + known && p < last &&
           CharClasses::get().at(p, last, size) == CharClass::kSpace) {
      p += size;
    }
    if (p != start + known) known_settled = p < last ? size_t(p + size - start) : text.size() + 1;
    known = end;
    return known_settled;
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
      while (n-- > 0 && !(starts_character(text, at) && count(0, at) <= most));
      break;
    }
    if (tokens_until(ends[base]) + count(ends[base], at) > most) continue;
    if (count(0, at) <= most) break;
  }
  length = int64_t(at);
  return refusal;
}

}  // namespace gpte
