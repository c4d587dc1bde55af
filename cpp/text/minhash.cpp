// Words are hashed as they are found, shingles are a rolling polynomial of them, and the
// permutations take the shingles by the thousand.
#include "text/minhash.h"

#include <algorithm>

#include "core/check.h"
#include "kernels/kernels.h"
#include "text/folded_words.h"

namespace gpte {
namespace {

constexpr uint64_t kBase = 0x9E3779B97F4A7C15u;  // of the polynomial
constexpr size_t kBatch = 1024;                  // shingles, 4 KB

// Whether a text's numbers count as 0; see the header.
bool plain_digits(const uint8_t* p, int64_t size) {
  int64_t digits = 0, others = 0;
  for (int64_t from = 0; from < size; from += 4096) {
    uint16_t some_digits = 0, some_others = 0;  // short lanes count many bytes an instruction
    for (int64_t i = from; i < std::min(from + 4096, size); ++i) {
      some_digits = uint16_t(some_digits + (uint8_t(p[i] - '0') < 10));
      some_others = uint16_t(some_others + ((uint8_t((p[i] | 32) - 'a') < 26) | (p[i] >= 0xC0)));
    }
    digits += some_digits;
    others += some_others;
  }
  return digits * 5 <= digits + others;
}

}  // namespace

MinHash::MinHash(int64_t permutations, int64_t width, uint64_t seed)
    : permutations_(permutations), width_(width), oldest_(1) {
  check(permutations >= 1 && permutations <= 65536, "minhash: ", permutations,
        " permutations, not 1 to 65536");
  check(width >= 1 && width <= 64, "minhash: shingles of ", width, " words, not 1 to 64");
  for (int64_t i = 0; i < width; ++i) oldest_ *= kBase;
  const int64_t padded = (permutations + kMinHashStep - 1) / kMinHashStep * kMinHashStep;
  for (int64_t k = 0; k < padded; ++k) {
    const uint64_t first = mix(seed, uint64_t(2 * k)), second = mix(seed, uint64_t(2 * k + 1));
    times_.push_back(uint32_t(mix(first, 1)) | 1);  // odd: a permutation
    plus_.push_back(uint32_t(mix(second, 2)));
  }
}

void MinHash::signature(uint32_t* out, std::string_view text) const {
  const auto* p = reinterpret_cast<const uint8_t*>(text.data());
  const uint8_t* end = p + text.size();
  const bool plain = plain_digits(p, int64_t(text.size()));
  const FoldedWords words(end);
  // Flipping the top bit makes the order of signed numbers, which the kernel knows, that of
  // unsigned ones.
  constexpr uint32_t kFlip = uint32_t(1) << 31;
  std::vector<int32_t> least(times_.size(), INT32_MAX);
  std::vector<uint32_t> plus(plus_);
  for (uint32_t& b : plus) b += kFlip;
  uint32_t shingles[kBatch];
  size_t count = 0;
  const auto flush = [&] {
    kernels().minhash->lower(least.data(), shingles, int64_t(count), times_.data(), plus.data(),
                             int64_t(times_.size()));
    count = 0;
  };
  uint64_t last[64] = {}, sum = 0;  // the hashes of the last words, and their polynomial
  int64_t seen = 0, place = 0;
  while (p < end) {
    const FoldedWord word = words.at(p);
    if (word.end == p) {
      p += decode_char(p, end).length;
      continue;
    }
    p = word.end;
    const uint64_t hash = words.hash(word, plain);
    sum = sum * kBase + hash - last[place] * oldest_;
    last[place] = hash;
    place = place + 1 == width_ ? 0 : place + 1;
    if (++seen < width_) continue;
    shingles[count++] = uint32_t(mix(sum, 0));
    if (count == kBatch) flush();
  }
  if (seen > 0 && seen < width_) shingles[count++] = uint32_t(mix(sum, 0));
  flush();
  for (int64_t k = 0; k < permutations_; ++k) out[k] = uint32_t(least[size_t(k)]) ^ kFlip;
}

void band_keys(uint64_t* keys, const uint32_t* signature, int64_t bands, int64_t rows) {
  for (int64_t band = 0; band < bands; ++band) {
    uint64_t key = uint64_t(band);
    for (int64_t i = 0; i < rows; ++i) key = mix(key, signature[band * rows + i]);
    keys[band] = key;
  }
}

}  // namespace gpte
