// A table says of which bytes anything begins; what it is, the bytes behind them say.
#include "text/personal_places.h"

#include <array>
#include <utility>

#include "text/folded_words.h"

namespace gpte {
namespace {

enum : uint8_t { kPlain = 0, kDigit = 1, kSign = 2, kSeparator = 4 };

// Bytes by what they may begin, and those that may stand within a number.
std::array<uint8_t, 256> make_kinds() {
  std::array<uint8_t, 256> kinds{};
  for (size_t c = '0'; c <= '9'; ++c) kinds[c] = kDigit;
  for (const char c : std::string_view("@([{:.")) kinds[uint8_t(c)] |= kSign;
  for (const char c : std::string_view(" ./()-\xC2\xA0\xE2\x80\x91\x93\x89\xAF")) {
    kinds[uint8_t(c)] |= kSeparator;
  }
  return kinds;
}

bool is_hex(uint8_t c) {
  return ascii::is_digit(c) || uint8_t((c | 0x20) - 'a') < 6;
}

bool in_word(uint8_t c) {
  return ascii::is_letter(c) || ascii::is_digit(c) || c >= 0x80;
}

class Finder {
 public:
  explicit Finder(std::string_view text) : text_(text) {}

  PersonalPlaces find() {
    static const std::array<uint8_t, 256> kinds = make_kinds();
    const auto* begin = reinterpret_cast<const uint8_t*>(text_.data());
    const size_t size = text_.size();
    for (size_t at = 0; at < size; ++at) {
      const uint8_t kind = kinds[begin[at]];
      if (kind & kDigit) {
        enter(at, kinds);
        const size_t first = at;
        while (at + 1 < size && ascii::is_digit(begin[at + 1])) ++at;
        digits_ += int64_t(at + 1 - first);
        group_end_ = at + 1;
        if (at > first) iban(first);
      } else if (kind & kSign) {
        sign(at);
      }
    }
    leave();
    return std::move(out_);
  }

 private:
  uint8_t byte(size_t at) const { return at < text_.size() ? uint8_t(text_[at]) : 0; }
  bool follows(size_t at, std::string_view what) const {
    return text_.compare(at, what.size(), what) == 0;
  }

  // Digits that begin at a place: they go on with a group, or begin one.
  void enter(size_t at, const std::array<uint8_t, 256>& kinds) {
    bool joins = digits_ > 0 && at - group_end_ <= size_t(kMostBetween);
    for (size_t i = group_end_; joins && i < at; ++i) {
      joins = kinds[uint8_t(text_[i])] & kSeparator;
    }
    if (!joins) {
      leave();
      group_begin_ = at;
    } else if (at - group_end_ == 1 && text_[group_end_] == '.') {
      ++dots_;
    }
  }
  void leave() {
    if (digits_ >= kLeastDigits || dots_ >= 3) {
      out_.groups.push_back(int64_t(group_begin_));
      out_.groups.push_back(int64_t(group_end_));
    }
    digits_ = dots_ = 0;
  }

  // digits: where at least two begin.
  void iban(size_t digits) {
    if (digits < 2 || !ascii::is_letter(byte(digits - 1)) || !ascii::is_letter(byte(digits - 2))) {
      return;
    }
    if (digits == 2 || !in_word(byte(digits - 3))) out_.ibans.push_back(int64_t(digits - 2));
  }

  void sign(size_t at) {
    const auto add = [&](std::vector<int64_t>& places) { places.push_back(int64_t(at)); };
    switch (text_[at]) {
      case '@':
        return add(out_.at_signs);
      case '(':
      case '[':
      case '{':
        for (const char* word : {"at", " at ", "AT", "\xC3\xA4t"}) {
          if (follows(at + 1, word)) add(out_.spelled);
        }
        return;
      case '.':
        for (const char* ending : {"com/", "net/", "me/", "tv/", "de/"}) {
          if (follows(at + 1, ending)) add(out_.paths);
        }
        return;
      case ':':
        if (follows(at, "://")) add(out_.schemes);
        if (at < colons_end_) return;
        size_t end = at + 1;
        while (end <= at + 4 && is_hex(byte(end))) ++end;
        if (byte(end) != ':') return;
        add(out_.colons);
        colons_end_ = end + 1;
    }
  }

  std::string_view text_;
  PersonalPlaces out_;
  size_t group_begin_ = 0, group_end_ = 0, colons_end_ = 0;
  int64_t digits_ = 0, dots_ = 0;  // of the group
};

}  // namespace

PersonalPlaces personal_places(std::string_view text) {
  return Finder(text).find();
}

}  // namespace gpte
