// A byte of ASCII is one look into the table of the automaton; other characters are folded first.
#include "text/phrase_set.h"

#include <algorithm>

#include "core/check.h"
#include "text/char_info.h"

namespace gpte {
namespace {

constexpr uint32_t kFound = uint32_t(1) << 31;
constexpr uint32_t kDottedI = 0x130, kDotAbove = 0x307;

// Calls see(byte) for the UTF-8 of a character that is not ASCII, folded.
template <class See>
void each_folded_byte(uint32_t code, const See& see) {
  if (code == kDottedI) {
    see(uint8_t('i'));
    code = kDotAbove;
  }
  code = uint32_t(int32_t(code) + CharInfos::get().of(code).folds_by);
  if (code < 0x80) return see(uint8_t(code));  // the sign for Kelvin is a k
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static constexpr uint8_t kFirst[] = {0, 0xC0, 0xE0, 0xF0};
  see(uint8_t(kFirst[more] | code >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) see(uint8_t(0x80 | (code >> (6 * i) & 0x3F)));
}

uint8_t lower(uint8_t byte) {
  return uint8_t(byte - 'A') < 26 ? uint8_t(byte | 0x20) : byte;
}

std::string folded(std::string_view text) {
  std::string out;
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  while (p < end) {
    const Char c = decode_char(p, end);
    if (*p < 0x80) {
      out.push_back(char(lower(*p)));
    } else {
      each_folded_byte(c.code, [&](uint8_t byte) { out.push_back(char(byte)); });
    }
    p += c.length;
  }
  return out;
}

}  // namespace

PhraseSet::PhraseSet(const std::vector<std::string>& phrases) {
  std::vector<std::string> all;
  size_t bytes = 0;
  for (const std::string& phrase : phrases) {
    check(!phrase.empty(), "PhraseSet: an empty phrase");
    all.push_back(folded(phrase));
    bytes += all.back().size();
    for (const char c : all.back()) {
      uint8_t& known = class_[uint8_t(c)];
      if (known == 0) known = uint8_t(classes_++);  // no text has all 256 bytes in it
    }
  }
  for (int c = 'A'; c <= 'Z'; ++c) class_[size_t(c)] = class_[size_t(c | 0x20)];
  check(bytes < kFound / 256, "PhraseSet: phrases of ", bytes, " bytes, at most ", kFound / 256);

  // The trie of the phrases; 0, the root, also says that there is no way.
  ends_.resize(1);
  next_.resize(classes_);
  for (uint32_t i = 0; i < all.size(); ++i) {
    uint32_t node = 0;
    for (const char c : all[i]) {
      const size_t way = node * classes_ + class_[uint8_t(c)];
      if (next_[way] == 0) {
        next_[way] = uint32_t(ends_.size());
        ends_.emplace_back();
        next_.resize(next_.size() + classes_);
      }
      node = next_[way];
    }
    ends_[node].push_back(i);
  }

  // From the root outwards each node gets the ways of the longest end of its name that is a node.
  std::vector<uint32_t> order{0}, shorter(ends_.size());
  for (size_t i = 0; i < order.size(); ++i) {
    const uint32_t node = order[i];
    const auto& also = ends_[shorter[node]];
    if (node != 0) ends_[node].insert(ends_[node].end(), also.begin(), also.end());
    for (uint32_t c = 1; c < classes_; ++c) {
      uint32_t& way = next_[node * classes_ + c];
      const uint32_t beside = node == 0 ? 0 : next_[shorter[node] * classes_ + c];
      if (way != 0) {
        shorter[way] = beside;
        order.push_back(way);
      } else {
        way = beside;
      }
    }
  }
  for (uint32_t& way : next_) way = way * classes_ | (ends_[way].empty() ? 0 : kFound);
}

std::vector<int64_t> PhraseSet::find(std::string_view text) const {
  std::vector<uint8_t> found(ends_.size());  // by node
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  uint32_t state = 0;
  const auto take = [&](uint8_t byte) {
    state = step(state, byte);
    if (state & kFound) {
      state &= ~kFound;
      found[state / classes_] = 1;
    }
  };
  while (p < end) {
    if (*p < 0x80) {
      take(*p++);
    } else {
      const Char c = decode_char(p, end);
      each_folded_byte(c.code, take);
      p += c.length;
    }
  }
  std::vector<int64_t> places;
  for (size_t node = 0; node < found.size(); ++node) {
    if (found[node]) places.insert(places.end(), ends_[node].begin(), ends_[node].end());
  }
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  return places;
}

}  // namespace gpte
