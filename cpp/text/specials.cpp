// Tries every name, but only where some name's first byte stands.
#include "text/specials.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace gpte {

SpecialTokens::SpecialTokens(std::vector<Special> specials) : specials_(std::move(specials)) {
  for (const Special& special : specials_) {
    check(!special.name.empty(), "tokenizer: special token ", special.id, " has an empty name");
    first_byte_[uint8_t(special.name[0])] = true;
  }
  std::stable_sort(specials_.begin(), specials_.end(), [](const Special& a, const Special& b) {
    return a.name.size() > b.name.size();
  });
}

SpecialTokens::Match SpecialTokens::find(std::string_view text, size_t start) const {
  if (specials_.empty()) return {0, 0, 0};
  for (size_t i = start; i < text.size(); ++i) {
    if (!first_byte_[uint8_t(text[i])]) continue;
    for (const Special& special : specials_) {
      if (text.compare(i, special.name.size(), special.name) == 0) {
        return {i, i + special.name.size(), special.id};
      }
    }
  }
  return {0, 0, 0};
}

}  // namespace gpte
