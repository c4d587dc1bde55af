// What is left of a line is hashed two characters at a time.
#include "text/line_hashes.h"

#include "text/folded_words.h"

namespace gpte {
namespace {

class LineHash {
 public:
  explicit LineHash(uint64_t seed) : hash_(seed) {}

  void add(uint32_t code) {
    part_ = part_ << 32 | code;
    if (++size_ & 1) return;
    hash_ = mix(hash_, part_);
    part_ = 0;
  }
  uint64_t finish() const {
    const uint64_t hash = mix(mix(hash_, part_), size_);
    return hash == 0 ? 1 : hash;
  }

 private:
  uint64_t hash_, part_ = 0, size_ = 0;
};

// As Python's str.isspace, for which the separators of ASCII are white space too.
bool is_space(uint32_t code) {
  return (code >= 0x1C && code <= 0x1F) || CharInfos::get().of(code).space();
}

}  // namespace

std::vector<uint64_t> line_hashes(std::string_view text, std::string_view host) {
  const uint64_t seed = hash_bytes(reinterpret_cast<const uint8_t*>(host.data()), host.size());
  std::vector<uint64_t> hashes;
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  for (;;) {
    LineHash hash(seed);
    bool begun = false, space = false, after_digit = false, letters = false;
    for (; p < end && *p != '\n';) {
      const Char c = decode_char(p, end);
      p += c.length;
      const bool letter = ascii::is_letter(uint8_t(c.code)) && c.code < 0x80;
      if (!letter && is_space(c.code)) {
        space = begun;
        after_digit = false;
        continue;
      }
      const bool digit = c.code < 0x80 && ascii::is_digit(uint8_t(c.code));
      if (digit && after_digit) continue;
      if (space) hash.add(' ');
      hash.add(digit ? '0' : c.code);
      letters |= letter || CharInfos::get().of(c.code).letter();
      begun = true;
      space = false;
      after_digit = digit;
    }
    hashes.push_back(letters ? hash.finish() : 0);
    if (p == end) return hashes;
    ++p;
  }
}

}  // namespace gpte
