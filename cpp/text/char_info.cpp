// Builds the table of characters from the generated runs.
#include "text/char_info.h"

#include <algorithm>

namespace gpte {
namespace {

constexpr uint32_t kPunctuation[] = {
#include "text/punctuation_table.inc"
};

struct FoldRun {
  uint32_t first, last, step;
  int32_t added;
};
constexpr FoldRun kFolds[] = {
#include "text/fold_table.inc"
};

}  // namespace

CharInfos::CharInfos() {
  std::vector<CharInfo> all(kCodePoints);
  for (uint32_t code = 0; code < kCodePoints; ++code) {
    all[code] = {0, CharClasses::get().of(code), false};
  }
  uint32_t at = 0;
  bool punctuation = false;
  for (const uint32_t length : kPunctuation) {
    for (const uint32_t end = at + length; at < end; ++at) all[at].punctuation = punctuation;
    punctuation = !punctuation;
  }
  for (const FoldRun& run : kFolds) {
    for (uint32_t code = run.first; code <= run.last; code += run.step) {
      all[code].folds_by = run.added;
    }
  }
  for (uint32_t first = 0; first < kCodePoints; first += kMask + 1) {
    const auto block = all.begin() + first;
    size_t known = 0;
    while (known < blocks_.size() &&
           !std::equal(block, block + kMask + 1, blocks_.begin() + int64_t(known))) {
      known += kMask + 1;
    }
    if (known == blocks_.size()) blocks_.insert(blocks_.end(), block, block + kMask + 1);
    index_[first >> kShift] = uint16_t(known >> kShift);
  }
}

const CharInfos& CharInfos::get() {
  static const CharInfos infos;
  return infos;
}

}  // namespace gpte
