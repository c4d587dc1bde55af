// Two hashes of 64 bits run beside each other over the bytes that are left of the text.
#include "text/text_hash.h"

#include <algorithm>

#include "text/char_info.h"
#include "text/hash_bytes.h"

namespace gpte {
namespace {

class Hasher {
 public:
  void byte(uint8_t b) {
    part_ |= uint64_t(b) << (8 * (size_++ & 7));
    if ((size_ & 7) == 0) group();
  }
  Hash128 finish() {
    if (size_ & 7) group();
    part_ = size_;
    group();
    return {mix(first_, second_), mix(second_, first_ ^ size_)};
  }

 private:
  void group() {
    first_ = mix(first_, part_);
    second_ = mix(second_ ^ part_, 0xA0761D6478BD642Fu) + first_;
    part_ = 0;
  }
  uint64_t first_ = 0x243F6A8885A308D3u, second_ = 0x13198A2E03707344u, part_ = 0, size_ = 0;
};

// Calls see(byte) for what is left of the text.
template <class See>
void squeeze_spaces(std::string_view text, const See& see) {
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  bool space = false, begun = false;
  while (p < end) {
    int length = 1;
    bool is_space = *p == ' ' || (*p >= 9 && *p <= 13);
    if (*p >= 0x80) is_space = CharClasses::get().at(p, end, length) == CharClass::kSpace;
    if (is_space) {
      space = begun;
      p += length;
      continue;
    }
    if (space) see(uint8_t(' '));
    space = false;
    begun = true;
    for (; length > 0; --length) see(*p++);
  }
}

bool is_blank(std::string_view line) {
  const auto* p = reinterpret_cast<const uint8_t*>(line.data());
  const uint8_t* end = p + line.size();
  int length = 1;
  while (p < end && CharClasses::get().at(p, end, length) == CharClass::kSpace) p += length;
  return p == end;
}

// Calls see(begin, end, number) for each line that is not blank, of its bytes in the text.
template <class See>
void each_line(std::string_view text, const See& see) {
  int64_t number = 0;
  for (size_t begin = 0; begin < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (!is_blank(text.substr(begin, end - begin))) see(begin, end, number);
    begin = end + 1;
  }
}

}  // namespace

Hash128 text_hash(std::string_view text) {
  Hasher hasher;
  squeeze_spaces(text, [&](uint8_t byte) { hasher.byte(byte); });
  return hasher.finish();
}

std::vector<TextPart> line_parts(std::string_view text) {
  std::vector<TextPart> parts;
  each_line(text, [&](size_t begin, size_t end, int64_t number) {
    parts.push_back({number, number + 1, text_hash(text.substr(begin, end - begin))});
  });
  return parts;
}

std::vector<TextPart> paragraph_parts(std::string_view text) {
  std::vector<TextPart> parts;
  size_t from = 0, to = 0;
  const auto close = [&] {
    if (!parts.empty()) parts.back().hash = text_hash(text.substr(from, to - from));
  };
  each_line(text, [&](size_t begin, size_t end, int64_t number) {
    if (parts.empty() || number > parts.back().end_line) {
      close();
      from = begin;
      parts.push_back({number, number, {}});
    }
    parts.back().end_line = number + 1;
    to = end;
  });
  close();
  return parts;
}

}  // namespace gpte
