#include "decode/sampler.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

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

// The key at which the sum of e over [low, high), sorted, reaches `mass`: halves it, like in a
// search for the median, until the token is found.
uint64_t key_by_halves(const Row& row, uint64_t* low, uint64_t* high, double mass) {
  while (high - low > 1) {
    uint64_t* middle = low + (high - low) / 2;
    std::nth_element(low, middle, high, std::greater<uint64_t>());
    double sum = 0;
    for (const uint64_t* key = low; key != middle; ++key) sum += row.e[id_of(*key)];
    if (sum >= mass) {
      high = middle;
    } else {
      mass -= sum;
      low = middle;
    }
  }
  return *low;
}

// As key_at, over all tokens. Most rows reach the mass with few of them; a flat one is halved.
uint64_t key_at_mass(const Row& row, float top_p) {
  const double all = sum_of_all(row), mass = top_p * all;
  for (int64_t k : {kFewTokens, 8 * kFewTokens})
    if (const uint64_t key = key_at(row, first_sorted(row, k), mass)) return key;
  // The tokens left out here are together less than what top_p leaves out.
  const float least = float((1 - double(top_p)) * all / double(row.V));
  return key_by_halves(row, row.order, row.order + gather(row, key_from(least)), mass);
}

// Of the tokens whose keys are not below `cut`, lists the most typical ones that reach the share
// `typical` of them, by id; returns how many. -log p is log(sum) - z / temperature, so that its
// distance from its mean sorts like that of z from the mean of z.
int64_t keep_typical(const Row& row, const float* z, float typical, uint64_t cut) {
  int64_t count = gather(row, cut);
  double sum = 0, mean = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double e = e_of(row.order[i]);
    sum += e;
    mean += e * z[id_of(row.order[i])];
  }
  mean /= sum;
  // Keys of their own kind: the closest is the largest.
  const auto typical_key = [&](int64_t id) {
    const uint64_t key = key_of(float(std::abs(z[id] - mean)), id);
    return key ^ ~uint64_t(UINT32_MAX);
  };
  for (int64_t i = 0; i < count; ++i) row.order[i] = typical_key(id_of(row.order[i]));
  const uint64_t least = key_by_halves(row, row.order, row.order + count, typical * sum);
  count = gather(row, cut);
  return std::remove_if(row.order, row.order + count,
                        [&](uint64_t key) { return typical_key(id_of(key)) < least; }) -
         row.order;
}

// Lists the tokens that the settings keep, by id; returns how many.
int64_t keep(const Row& row, const float* z, const Sampling& o) {
  uint64_t cut = key_from(o.min_p);  // the largest e is 1
  if (o.top_k > 0 && o.top_k < row.V) {
    const int64_t kept = first_sorted(row, o.top_k);
    const double mass = o.top_p * sum_of(row.order, row.order + kept);
    const uint64_t key = o.top_p < 1 ? key_at(row, kept, mass) : 0;
    cut = std::max(cut, key ? key : row.order[kept - 1]);
  } else if (o.top_p < 1) {
    cut = std::max(cut, key_at_mass(row, o.top_p));
  }
  return o.typical < 1 ? keep_typical(row, z, o.typical, cut) : gather(row, cut);
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

constexpr int64_t kNone = -1;

bool cuts(const Sampling& o, int64_t V) {
  return o.min_p > 0 || o.top_p < 1 || o.typical < 1 || (o.top_k > 0 && o.top_k < V);
}

// kNone where the largest logit is infinite.
int64_t choose(const float* z, int64_t V, const Sampling& o, uint32_t sample, uint32_t position) {
  if (o.temperature == 0) {
    const int64_t top = kernels().sampling->first_max(z, V);
    return std::isfinite(z[top]) ? top : kNone;
  }
  const Row row = make_row(V);
  const float top = kernels().sampling->exponentials(row.e, row.block_sum, row.block_max, z,
                                                     1 / o.temperature, V);
  if (!std::isfinite(top)) return kNone;
  const double u = uniform(o.seed, sample, position);
  return cuts(o, V) ? draw_from_listed(row, keep(row, z, o), u) : draw_from_all(row, u);
}

// How likely `choose` is to take each token; false where it takes none.
bool spread(double* p, const float* z, int64_t V, const Sampling& o) {
  std::fill_n(p, V, 0.0);
  if (o.temperature == 0) {
    const int64_t top = choose(z, V, o, 0, 0);
    if (top != kNone) p[top] = 1;
    return top != kNone;
  }
  const Row row = make_row(V);
  const float top = kernels().sampling->exponentials(row.e, row.block_sum, row.block_max, z,
                                                     1 / o.temperature, V);
  if (!std::isfinite(top)) return false;
  if (cuts(o, V)) {
    const int64_t count = keep(row, z, o);
    const double sum = sum_of(row.order, row.order + count);
    for (int64_t i = 0; i < count; ++i) p[id_of(row.order[i])] = e_of(row.order[i]) / sum;
  } else {
    const double sum = std::accumulate(row.e, row.e + V, 0.0);  // those of blocks are float32
    for (int64_t v = 0; v < V; ++v) p[v] = row.e[v] / sum;
  }
  return true;
}

// Inserts each token that is larger than the last of the n first so far: few of a row are.
void first_by_logit(int32_t* ids, float* logprobs, int64_t n, const float* z, float lse,
                    int64_t V) {
  int64_t count = 0;
  for (int64_t v = 0; n > 0 && v < V; ++v) {
    if (count == n && !(z[v] > z[ids[n - 1]])) continue;
    int64_t i = count < n ? count++ : n - 1;
    for (; i > 0 && z[v] > z[ids[i - 1]]; --i) ids[i] = ids[i - 1];
    ids[i] = int32_t(v);
  }
  for (int64_t i = 0; i < n; ++i) logprobs[i] = z[ids[i]] - lse;
}

void check_logits(const char* name, const float* z, int64_t b, int64_t V) {
  for (int64_t v = 0; v < V; ++v)
    check(z[v] <= std::numeric_limits<float>::max(), "sample: ", name, "[", b, ", ", v,
          "] = ", z[v], " must be finite, or -inf to exclude the token");
}

// Rows that are drawn from as the model gave them have no more to check than their lse.
void check_row(const SampledRow& row, float lse, int64_t b, int64_t V) {
  const Adjustment& a = row.settings->adjustment;
  check_adjusted_ids(a, row.history, b, V);
  if (!std::isfinite(lse)) {
    check_logits("logits", row.logits, b, V);
    fail("sample: logits[", b, "] exclude every token");
  }
  if (row.changed) check_logits("changed logits", row.changed, b, V);
}

// Checks the rows; lse: (B) log of the sum of exp(logits), in the order of linear_logprob.
void check_rows(float* lse, const SampledRow* rows, int64_t B, int64_t V) {
  check(V >= 1 && V <= INT32_MAX, "sample: a vocabulary of ", V, " tokens");
  parallel_for(B, 1, [&](int64_t b, int64_t) {
    const int32_t no_target = -1;
    float logp;
    kernels().logprob.f32->logprob(&logp, lse + b, rows[b].logits, V, &no_target, 1, V);
  });
  for (int64_t b = 0; b < B; ++b) check_row(rows[b], lse[b], b, V);
}

const float* adjusted(const SampledRow& row, int64_t V) {
  return adjusted(row.changed ? row.changed : row.logits, V, row.settings->adjustment, row.history,
                  row.mask);
}

[[noreturn]] void fail_none_is_left(const SampledRow& row, int64_t b, int64_t V) {
  fail("sample: row ", b, ": ",
       why_none_is_left(row.changed ? row.changed : row.logits, V, row.settings->adjustment,
                        row.history));
}

}  // namespace

void check_sampling(const Sampling& o) {
  // Smaller ones would take the scaled logits out of float32.
  check(o.temperature == 0 || (o.temperature >= 1e-6f && std::isfinite(o.temperature)),
        "sample: temperature ", o.temperature, " must be 0 or at least 1e-6");
  check(o.top_k >= 0, "sample: top_k ", o.top_k, " must not be negative");
  check(o.top_p > 0 && o.top_p <= 1, "sample: top_p ", o.top_p, " must be in (0, 1]");
  check(o.min_p >= 0 && o.min_p <= 1, "sample: min_p ", o.min_p, " must be in [0, 1]");
  check(o.typical > 0 && o.typical <= 1, "sample: typical ", o.typical, " must be in (0, 1]");
  check_adjustment(o.adjustment);
}

void sample(int32_t* ids, float* logprobs, int32_t* top_ids, float* top_logprobs,
            const SampledRow* rows, int64_t B, int64_t V, int64_t top) {
  check(top >= 0 && top <= V, "sample: the top ", top, " of ", V, " tokens");
  float* lse = logprobs;
  check_rows(lse, rows, B, V);
  parallel_for(B, 1, [&](int64_t b, int64_t) {
    const SampledRow& row = rows[b];
    first_by_logit(top_ids + b * top, top_logprobs + b * top, top, row.logits, lse[b], V);
    ids[b] = int32_t(
        choose(adjusted(row, V), V, *row.settings, uint32_t(row.sample), uint32_t(row.position)));
    if (ids[b] != kNone) logprobs[b] = row.logits[ids[b]] - lse[b];
  });
  for (int64_t b = 0; b < B; ++b)
    if (ids[b] == kNone) fail_none_is_left(rows[b], b, V);
}

void probabilities(double* p, const SampledRow* rows, int64_t B, int64_t V) {
  std::vector<float> lse(B);
  check_rows(lse.data(), rows, B, V);
  std::vector<uint8_t> found(B);
  parallel_for(B, 1, [&](int64_t b, int64_t) {
    found[b] = spread(p + b * V, adjusted(rows[b], V), V, *rows[b].settings);
  });
  for (int64_t b = 0; b < B; ++b)
    if (!found[b]) fail_none_is_left(rows[b], b, V);
}

}  // namespace gpte
