// Most tokens are shorter than a register: they are copied with one load and one store, and what
// is too much is written over by the next token.
#include "text/token_bytes.h"

#include <cstring>

#include "core/check.h"

namespace gpte {

TokenBytes::TokenBytes(const std::vector<std::string>& tokens) {
  size_t total = size_t(kBlock);
  for (const std::string& token : tokens) total += token.size();
  check(total < UINT32_MAX, "tokenizer: the tokens have ", total, " bytes, 4 GB are too many");
  arena_.reserve(total);
  for (const std::string& token : tokens) {
    sizes_.push_back(uint32_t(token.size()));
    starts_.push_back(uint32_t(arena_.size()));
    arena_.insert(arena_.end(), token.begin(), token.end());
  }
  arena_.resize(total);
}

int64_t TokenBytes::size(const uint32_t* ids, int64_t count, int64_t& bad) const {
  int64_t size = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (__builtin_expect(ids[i] >= sizes_.size(), 0)) {
      bad = i;
      return size;
    }
    size += sizes_[ids[i]];
  }
  bad = -1;
  return size;
}

uint8_t* TokenBytes::write(uint8_t* out, int64_t free, const uint32_t* ids, int64_t count) const {
  const uint8_t* end = out + free;
  int64_t i = 0;
  for (; i < count; ++i) {
    const uint8_t* token = arena_.data() + starts_[ids[i]];
    const int64_t length = sizes_[ids[i]];
    if (end - out < length + kBlock) break;
    std::memcpy(out, token, size_t(kBlock));
    if (__builtin_expect(length > kBlock, 0)) std::memcpy(out, token, size_t(length));
    out += length;
  }
  for (; i < count; ++i) {
    const uint32_t length = sizes_[ids[i]];
    std::memcpy(out, arena_.data() + starts_[ids[i]], length);
    out += length;
  }
  return out;
}

}  // namespace gpte
