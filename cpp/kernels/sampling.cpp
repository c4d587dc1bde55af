#include "kernels/sampling.h"

#include <math.h>

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

float row_max(const float* z, int64_t V) {
  Vec top = splat(-INFINITY);
  int64_t v = 0;
  for (; v + kLanes <= V; v += kLanes) top = vmax(top, load(z + v));
  float result = reduce_max(top);
  for (; v < V; ++v) result = z[v] > result ? z[v] : result;
  return result;
}

int64_t first_max(const float* z, int64_t V) {
  const float top = row_max(z, V);
  int64_t v = 0;
  for (; v + kSamplingBlock <= V; v += kSamplingBlock) {
    Vec most = load(z + v);
    for (int64_t i = kLanes; i < kSamplingBlock; i += kLanes) most = vmax(most, load(z + v + i));
    if (reduce_max(most) == top) break;
  }
  while (z[v] != top) ++v;
  return v;
}

float exponentials(float* e, float* block_sum, float* block_max, const float* z,
                   float inverse_temperature, int64_t V) {
  const float top = row_max(z, V);
  for (int64_t begin = 0; begin < V; begin += kSamplingBlock) {
    const int64_t end = begin + kSamplingBlock < V ? begin + kSamplingBlock : V;
    Vec sum = {}, max = {};
    int64_t v = begin;
    for (; v + kLanes <= end; v += kLanes) {
      const Vec x = vexp((load(z + v) - top) * inverse_temperature);
      store(e + v, x);
      sum += x;
      max = vmax(max, x);
    }
    float rest_sum = 0, rest_max = 0;
    for (; v < end; ++v) {
      e[v] = vexp(splat((z[v] - top) * inverse_temperature))[0];
      rest_sum += e[v];
      rest_max = e[v] > rest_max ? e[v] : rest_max;
    }
    const float most = reduce_max(max);
    *block_sum++ = reduce_sum(sum) + rest_sum;
    *block_max++ = most > rest_max ? most : rest_max;
  }
  return top;
}

void masked(float* y, const float* z, const int32_t* words, int64_t V) {
  IntVec bit = {};
  for (int i = 0; i < kLanes; ++i) bit[i] = int32_t(1u << i);
  const Vec excluded = splat(-INFINITY);
  int64_t v = 0;
  for (; v + kLanes <= V; v += kLanes) {  // kLanes divides 32: these bits are of one word
    const IntVec allowed = (IntVec{} + int32_t(uint32_t(words[v / 32]) >> v % 32)) & bit;
    store(y + v, allowed ? load(z + v) : excluded);
  }
  for (; v < V; ++v) y[v] = uint32_t(words[v / 32]) >> v % 32 & 1 ? z[v] : -INFINITY;
}

}  // namespace

extern const SamplingKernels sampling = {first_max, exponentials, masked};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
