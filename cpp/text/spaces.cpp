#include "text/spaces.h"

#include "core/check.h"

namespace gpte {
namespace {

constexpr std::string_view kName = "sentencepiece:";

// The part of a name up to the next colon, which is taken off.
std::string_view part(std::string_view& name) {
  const size_t end = name.find(':');
  const std::string_view first = name.substr(0, end);
  name.remove_prefix(end == name.npos ? name.size() : end + 1);
  return first;
}

class SpaceSplitter final : public Splitter {
 public:
  // How many spaces a piece may start with: all that are there, or one.
  explicit SpaceSplitter(bool one) : one_(one) {}

  int64_t split(std::string_view text, uint32_t* lengths, int64_t room, State*) const override {
    const auto* p = reinterpret_cast<const uint8_t*>(text.data());
    const uint8_t* const end = p + text.size();
    int64_t count = 0;
    for (; p < end && count < room; ++count) {
      const uint8_t* after = p;
      while (const int n = after < end ? space_at(after, end) : 0) {
        after += n;
        if (one_) break;
      }
      if (after == p) ++after;
      while (after < end && space_at(after, end) == 0) ++after;
      check(after - p <= int64_t(UINT32_MAX), "tokenizer: a piece of ", after - p,
            " bytes is too long");
      lengths[count] = uint32_t(after - p);
      p = after;
    }
    return count;
  }

  size_t cut(std::string_view text, size_t at) const override {
    const auto* begin = reinterpret_cast<const uint8_t*>(text.data());
    const uint8_t* const end = begin + text.size();
    if (at == 0) return 0;
    for (const uint8_t* p = begin + at; p < end; ++p) {
      if (space_at(p, end) == 0) continue;
      const bool behind_space = p[-1] == ' ' || (p - begin >= 3 && space_at(p - 3, end) == 3);
      if (one_ || !behind_space) return size_t(p - begin);
    }
    return text.size();
  }

 private:
  const bool one_;
};

class WholeSplitter final : public Splitter {
 public:
  int64_t split(std::string_view text, uint32_t* lengths, int64_t, State*) const override {
    check(text.size() <= UINT32_MAX, "tokenizer: a piece of ", text.size(), " bytes is too long");
    lengths[0] = uint32_t(text.size());
    return 1;
  }
  size_t cut(std::string_view text, size_t at) const override { return at == 0 ? 0 : text.size(); }
};

}  // namespace

std::optional<uint8_t> byte_spelled(std::string_view token) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  if (token.size() != 6 || token.substr(0, 3) != "<0x" || token[5] != '>') return {};
  const int high = digit(token[3]), low = digit(token[4]);
  if (high < 0 || low < 0) return {};
  return uint8_t(16 * high + low);
}

std::string spaces_as_read(std::string_view token) {
  if (const auto byte = byte_spelled(token)) return std::string(1, char(*byte));
  std::string text;
  while (!token.empty()) {
    const auto n = size_t(space_at_start(token));
    text += n > 0 ? ' ' : token[0];
    token.remove_prefix(n > 0 ? n : 1);
  }
  return text;
}

const Splitter* space_splitter(std::string_view name) {
  static const SpaceSplitter words(false), each(true);
  static const WholeSplitter text;
  if (!prefix_of(name)) return nullptr;
  name.remove_prefix(kName.size());
  part(name);
  if (name == "words") return &words;
  if (name == "each") return &each;
  return name == "text" ? &text : nullptr;
}

std::optional<Prefix> prefix_of(std::string_view split) {
  if (split.substr(0, kName.size()) != kName) return {};
  split.remove_prefix(kName.size());
  const std::string_view prefix = part(split);
  if (prefix == "never") return Prefix::none;
  if (prefix == "first") return Prefix::first;
  if (prefix == "always") return Prefix::always;
  if (prefix == "every") return Prefix::every;
  return {};
}

}  // namespace gpte
