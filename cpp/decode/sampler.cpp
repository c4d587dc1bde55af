#include "decode/sampler.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "core/check.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/scratch.h"
#include "kernels/kernels.h"

namespace gpte {
namespace {

constexpr int64_t kFewTokens = 64;  // top_p sorts so many, then 8 times as many

// Work memory of one row.
struct Row {
  int64_t V, blocks;
  uint64_t* order;               // (V) tokens as sortable keys
  float* e;                      // (V) exp((z - max z) / temperature)
  float *block_sum, *block_max;  // (blocks) of e
  float* maxima;                 // block_max, to be reordered
};

Row make_row(int64_t V) {
  const int64_t blocks = (V + kSamplingBlock - 1) / kSamplingBlock;
  auto* order = scratch<uint64_t>(Scratch::sampling, V + (V + 3 * blocks + 1) / 2);
  float* e = reinterpret_cast<float*>(order + V);
  return {V, blocks, order, e, e + V, e + V + blocks, e + V + 2 * blocks};
}

// Sorts by larger e, then by lower id: e is not negative, so its bits sort like the number.
uint64_t key_of(float e, int64_t id) {
  uint32_t bits;
  std::memcpy(&bits, &e, sizeof(bits));
  return uint64_t(bits) << 32 | (UINT32_MAX - uint32_t(id));
}
int64_t id_of(uint64_t key) {
  return UINT32_MAX - uint32_t(key);
}
float e_of(uint64_t key) {
  const uint32_t bits = uint32_t(key >> 32);
  float e;
  std::memcpy(&e, &bits, sizeof(e));
  return e;
}

// The smallest key of all tokens with e >= least that can be drawn at all.
uint64_t key_from(float least) {
  return key_of(std::max(least, std::numeric_limits<float>::denorm_min()), UINT32_MAX);
}

// Lists the tokens whose keys are not below `cut`, by id; returns how many.
int64_t gather(const Row& row, uint64_t cut) {
  const float least = e_of(cut);
  int64_t count = 0;
  for (int64_t b = 0; b < row.blocks; ++b) {
    if (row.block_max[b] < least) continue;
    const int64_t end = std::min(row.V, (b + 1) * kSamplingBlock);
    for (int64_t v = b * kSamplingBlock; v < end; ++v) {
      const uint64_t key = key_of(row.e[v], v);
      if (key >= cut) row.order[count++] = key;
    }
  }
  return count;
}

// Lists the k first tokens of the order, sorted; returns how many there are. At least k tokens are
// not below the k-th largest maximum of a block: only those are looked at.
int64_t first_sorted(const Row& row, int64_t k) {
  float least = 0;
  if (k <= row.blocks) {
    std::copy_n(row.block_max, row.blocks, row.maxima);
    std::nth_element(row.maxima, row.maxima + k - 1, row.maxima + row.blocks,
                     std::greater<float>());
    least = row.maxima[k - 1];
  }
  const int64_t found = gather(row, key_from(least));
  if (k < found)
    std::nth_element(row.order, row.order + k, row.order + found, std::greater<uint64_t>());
  k = std::min(k, found);
  std::sort(row.order, row.order + k, std::greater<uint64_t>());
  return k;
}

double sum_of(const uint64_t* begin, const uint64_t* end) {
  double sum = 0;
  for (; begin != end; ++begin) sum += e_of(*begin);
  return sum;
}

double sum_of_all(const Row& row) {
  double sum = 0;
  for (int64_t b = 0; b < row.blocks; ++b) sum += row.block_sum[b];
  return sum;
}

// The key of the listed, sorted token at which the sum reaches `mass`; 0 when it does not.
uint64_t key_at(const Row& row, int64_t count, double mass) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i)
    if ((sum += e_of(row.order[i])) >= mass) return row.order[i];
  return 0;
}

// The same over all tokens. Most rows reach the mass with few of them; a flat one is halved, like
// in a search for the median, until the token is found.
uint64_t key_at_mass(const Row& row, float top_p) {
  const double all = sum_of_all(row), mass = top_p * all;
  for (int64_t k : {kFewTokens, 8 * kFewTokens})
    if (const uint64_t key = key_at(row, first_sorted(row, k), mass)) return key;
  // The tokens left out here are together less than what top_p leaves out.
  const float least = float((1 - double(top_p)) * all / double(row.V));
  uint64_t *low = row.order, *high = low + gather(row, key_from(least));
  for (double rest = mass; high - low > 1;) {
    uint64_t* middle = low + (high - low) / 2;
    std::nth_element(low, middle, high, std::greater<uint64_t>());
    const double sum = sum_of(low, middle);
    if (sum >= rest) {
      high = middle;
    } else {
      rest -= sum;
      low = middle;
    }
  }
  return *low;
}

// Lists the tokens that the options keep, by id; returns how many.
int64_t keep(const Row& row, const Sampling& o) {
  uint64_t cut = key_from(o.min_p);  // the largest e is 1
  if (o.top_k > 0 && o.top_k < row.V) {
    const int64_t kept = first_sorted(row, o.top_k);
    const double mass = o.top_p * sum_of(row.order, row.order + kept);
    const uint64_t key = o.top_p < 1 ? key_at(row, kept, mass) : 0;
    cut = std::max(cut, key ? key : row.order[kept - 1]);
  } else if (o.top_p < 1) {
    cut = std::max(cut, key_at_mass(row, o.top_p));
  }
  return gather(row, cut);
}

// In [0, 1), 53 bits.
double uniform(uint64_t seed, uint32_t sample, uint32_t position) {
  const Philox p(seed, stream_of(Draw::sampling, sample), position);
  return (double(p.v[0] >> 5) * 0x1p26 + double(p.v[1] >> 6)) * 0x1p-53;
}

// The token at which the running sum of e exceeds its share u of the whole, whole blocks first.
// Rounding may leave the end of a block or of the row unreached: then it is the last with e > 0.
int64_t draw_from_all(const Row& row, double u) {
  double rest = u * sum_of_all(row);
  int64_t block = 0;
  for (int64_t b = 0; b < row.blocks; ++b) {
    if (row.block_max[b] > 0) block = b;
    if (rest < row.block_sum[b]) break;
    rest -= row.block_sum[b];
  }
  const int64_t begin = block * kSamplingBlock, end = std::min(row.V, begin + kSamplingBlock);
  int64_t id = begin;
  for (int64_t v = begin; v < end; ++v) {
    if (row.e[v] > 0) id = v;
    if (rest < row.e[v]) break;
    rest -= row.e[v];
  }
  return id;
}

int64_t draw_from_listed(const Row& row, int64_t count, double u) {
  double rest = u * sum_of(row.order, row.order + count);
  int64_t i = 0;
  for (; i + 1 < count && rest >= e_of(row.order[i]); ++i) rest -= e_of(row.order[i]);
  return id_of(row.order[i]);
}

int64_t choose(const float* z, int64_t V, const Sampling& o, uint32_t sample, uint32_t position) {
  if (o.temperature == 0) return std::max_element(z, z + V) - z;  // the first of equal ones
  const Row row = make_row(V);
  kernels().sampling->exponentials(row.e, row.block_sum, row.block_max, z, 1 / o.temperature, V);
  const double u = uniform(o.seed, sample, position);
  const bool all = o.min_p == 0 && o.top_p >= 1 && (o.top_k == 0 || o.top_k >= V);
  return all ? draw_from_all(row, u) : draw_from_listed(row, keep(row, o), u);
}

void check_options(const Sampling& o) {
  // Smaller ones would take the scaled logits out of float32.
  check(o.temperature == 0 || (o.temperature >= 1e-6f && std::isfinite(o.temperature)),
        "sample: temperature ", o.temperature, " must be 0 or at least 1e-6");
  check(o.top_k >= 0, "sample: top_k ", o.top_k, " must not be negative");
  check(o.top_p > 0 && o.top_p <= 1, "sample: top_p ", o.top_p, " must be in (0, 1]");
  check(o.min_p >= 0 && o.min_p <= 1, "sample: min_p ", o.min_p, " must be in [0, 1]");
}

void check_row(const float* z, float lse, int64_t b, int64_t V) {
  if (std::isfinite(lse)) return;
  for (int64_t v = 0; v < V; ++v)
    check(z[v] <= std::numeric_limits<float>::max(), "sample: logits[", b, ", ", v, "] = ", z[v],
          " must be finite, or -inf to exclude the token");
  fail("sample: logits[", b, "] exclude every token");
}

}  // namespace

void sample(int32_t* ids, float* logprobs, const float* logits, const int32_t* samples,
            const int32_t* positions, int64_t B, int64_t V, const Sampling& options) {
  check_options(options);
  check(V >= 1 && V <= INT32_MAX, "sample: a vocabulary of ", V, " tokens");
  float* lse = logprobs;
  parallel_for(B, 1, [&](int64_t b, int64_t) {
    const int32_t no_target = -1;
    float logp;
    kernels().logprob.f32->logprob(&logp, lse + b, logits + b * V, V, &no_target, 1, V);
  });
  for (int64_t b = 0; b < B; ++b) check_row(logits + b * V, lse[b], b, V);
  parallel_for(B, 1, [&](int64_t b, int64_t) {
    const float* z = logits + b * V;
    ids[b] = int32_t(choose(z, V, options, uint32_t(samples[b]), uint32_t(positions[b])));
    logprobs[b] = z[ids[b]] - lse[b];
  });
}

}  // namespace gpte
