// Open addressing with a bound on the probes; doubling up to the limit, then starting over.
#include "text/piece_cache.h"

#include <algorithm>

#include "core/memory.h"

namespace gpte {
namespace {

constexpr uint64_t low_bytes(int n) {
  return n <= 0 ? 0 : n >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * n)) - 1;
}

// The largest power of two that is at most n, and at least `least`.
int64_t power_of_two(int64_t n, int64_t least) {
  int64_t size = least;
  while (size * 2 <= n) size *= 2;
  return size;
}

}  // namespace

#define GPTE_MASK(n) {low_bytes(n), low_bytes((n) - 8)}
const uint64_t PieceCache::kMasks[16][2] = {
    GPTE_MASK(0),  GPTE_MASK(1),  GPTE_MASK(2),  GPTE_MASK(3), GPTE_MASK(4),  GPTE_MASK(5),
    GPTE_MASK(6),  GPTE_MASK(7),  GPTE_MASK(8),  GPTE_MASK(9), GPTE_MASK(10), GPTE_MASK(11),
    GPTE_MASK(12), GPTE_MASK(13), GPTE_MASK(14), GPTE_MASK(15)};
#undef GPTE_MASK

PieceCache::PieceCache(const std::vector<Entry>& seed, int64_t limit, uint64_t generation)
    : seed_(seed),
      limit_(limit),
      generation_(generation),
      most_lines_(power_of_two(limit / 2 / int64_t(2 * sizeof(Entry)), 16)),
      most_long_(power_of_two(limit / 8 / int64_t(sizeof(LongEntry)), 16)) {
  // A seed that fills the cache would leave no room to learn.
  seeded_ = int64_t(seed.size()) <= most_lines_;
  const int64_t entries = seeded_ ? int64_t(seed.size()) : 0;
  resize_short(std::min(most_lines_, 2 * power_of_two(entries, 64)));
  resize_long(std::min<int64_t>(most_long_, 64));
  sow();
}

int64_t PieceCache::bytes() const {
  return int64_t(2 * (line_mask_ + 1) * sizeof(Entry) + (long_mask_ + 1) * sizeof(LongEntry) +
                 letters_.capacity() + tokens_.capacity() * sizeof(uint32_t));
}

void PieceCache::expect(int64_t bytes) {
  constexpr int64_t kBytesALine = 256;  // real text: a new piece in 200 to 500 bytes
  const auto now = int64_t(line_mask_ + 1);
  const int64_t want = std::min(most_lines_, power_of_two(bytes / kBytesALine, now));
  if (want > now) resize_short(want);
}

const PieceCache::Entry* PieceCache::find_further(const Key& key, uint64_t hash) const {
  for (int i = 1; i < kLines; ++i) {
    const Entry* two = line(hash + uint64_t(i));
    if (two[0].is(key)) return two;
    if (two[1].is(key)) return two + 1;
    if (two[1].high == 0) break;
  }
  return nullptr;
}

bool PieceCache::place(const Entry& entry) {
  const uint64_t high = entry.high & ~(uint64_t{15} << 60);
  const uint64_t hash = Key{entry.low, high}.hash();
  for (int i = 0; i < kLines; ++i) {
    Entry* two = short_ + 2 * ((hash + uint64_t(i)) & line_mask_);
    for (int j = 0; j < 2; ++j) {
      if (two[j].high == 0) {
        two[j] = entry;
        return true;
      }
    }
  }
  short_[2 * (hash & line_mask_)] = entry;
  return false;
}

void PieceCache::resize_short(int64_t lines) {
  const auto old_memory = std::move(short_memory_);
  const Entry *old = short_, *end = old ? old + 2 * (line_mask_ + 1) : nullptr;
  short_memory_ = allocate(lines * int64_t(2 * sizeof(Entry)));
  short_ = static_cast<Entry*>(short_memory_.get());
  line_mask_ = uint64_t(lines) - 1;
  short_used_ = 0;
  for (; old != end; ++old) {
    if (old->high != 0) short_used_ += place(*old);
  }
}

void PieceCache::resize_long(int64_t entries) {
  const auto old_memory = std::move(long_memory_);
  const LongEntry *old = long_, *end = old ? old + long_mask_ + 1 : nullptr;
  long_memory_ = allocate(entries * int64_t(sizeof(LongEntry)));
  long_ = static_cast<LongEntry*>(long_memory_.get());
  long_mask_ = uint64_t(entries) - 1;
  for (; old != end; ++old) {
    if (old->length == 0) continue;
    for (int i = 0; i < kLongProbes; ++i) {
      LongEntry& entry = long_[(old->hash + uint64_t(i)) & long_mask_];
      if (entry.length != 0) continue;
      entry = *old;
      break;
    }
  }
}

void PieceCache::wipe() {
  std::memset(static_cast<void*>(short_), 0, 2 * (line_mask_ + 1) * sizeof(Entry));
  std::memset(static_cast<void*>(long_), 0, (long_mask_ + 1) * sizeof(LongEntry));
  letters_.clear();
  tokens_.clear();
  short_used_ = long_used_ = 0;
  sow();
}

void PieceCache::sow() {
  if (!seeded_) return;
  for (const Entry& entry : seed_) short_used_ += place(entry);
}

void PieceCache::add(const Key& key, uint64_t hash, const uint32_t* ids, int64_t count) {
  if (count > kShortTokens) {
    uint8_t letters[sizeof(Key)];
    std::memcpy(letters, &key, sizeof key);
    return add_long(letters, int64_t(key.high >> 56), hash, ids, count);
  }
  const auto lines = int64_t(line_mask_ + 1);
  if (short_used_ > lines && lines < most_lines_) resize_short(2 * lines);
  if (short_used_ > lines + lines / 2) wipe();
  Entry entry{key.low, key.high | uint64_t(count) << 60, {}};
  std::memcpy(entry.ids, ids, size_t(count) * sizeof *ids);
  short_used_ += place(entry);
}

PieceCache::Tokens PieceCache::find_long(const uint8_t* p, int64_t length, uint64_t hash) const {
  for (int i = 0; i < kLongProbes; ++i) {
    const LongEntry& entry = long_[(hash + uint64_t(i)) & long_mask_];
    if (entry.length == 0) break;
    if (entry.hash == hash && entry.length == length &&
        std::memcmp(letters_.data() + entry.letters, p, size_t(length)) == 0) {
      return {tokens_.data() + entry.tokens, entry.count};
    }
  }
  return {nullptr, 0};
}

void PieceCache::add_long(const uint8_t* p, int64_t length, uint64_t hash, const uint32_t* ids,
                          int64_t count) {
  if (length > kLongBytes) return;
  const auto entries = int64_t(long_mask_ + 1);
  if (2 * long_used_ > entries && entries < most_long_) resize_long(2 * entries);
  const int64_t arenas = int64_t(letters_.size()) + length + (int64_t(tokens_.size()) + count) * 4;
  // The arenas double too, so half of what they may have is what they may use.
  if (long_used_ > entries / 4 * 3 || arenas > limit_ / 8) wipe();
  for (int i = 0; i < kLongProbes; ++i) {
    LongEntry& entry = long_[(hash + uint64_t(i)) & long_mask_];
    if (entry.length != 0) continue;
    entry = {hash, uint32_t(letters_.size()), uint32_t(tokens_.size()), uint32_t(length),
             uint32_t(count)};
    letters_.insert(letters_.end(), p, p + length);
    tokens_.insert(tokens_.end(), ids, ids + count);
    ++long_used_;
    return;
  }
}

}  // namespace gpte
