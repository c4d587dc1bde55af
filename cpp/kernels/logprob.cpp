#include "kernels/logprob.h"

#include <math.h>

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

// Two accumulators hide the latency of the additions; their order is fixed for a given vector
// length.
GPTE_INLINE float log_sum_exp(const float* z, int64_t V) {
  const int64_t whole = V / (2 * kLanes) * (2 * kLanes);
  float top = -INFINITY;
  if (whole) {
    Vec max0 = load(z), max1 = load(z + kLanes);
    for (int64_t v = 2 * kLanes; v < whole; v += 2 * kLanes) {
      max0 = vmax(max0, load(z + v));
      max1 = vmax(max1, load(z + v + kLanes));
    }
    top = reduce_max(vmax(max0, max1));
  }
  for (int64_t v = whole; v < V; ++v) top = z[v] > top ? z[v] : top;
  Vec sum0 = {}, sum1 = {};
  for (int64_t v = 0; v < whole; v += 2 * kLanes) {
    sum0 += vexp(load(z + v) - top);
    sum1 += vexp(load(z + v + kLanes) - top);
  }
  float sum = reduce_sum(sum0 + sum1);
  for (int64_t v = whole; v < V; ++v) sum += vexp(splat(z[v] - top))[0];
  return top + logf(sum);
}

template <class T>
void logprob(float* logp, float* lse, const float* z, int64_t ld, const int32_t* targets, int64_t N,
             int64_t V) {
  for (int64_t n = 0; n < N; ++n, z += ld) {
    lse[n] = log_sum_exp(z, V);
    logp[n] = targets[n] < 0 ? 0.f : z[targets[n]] - lse[n];
  }
}

template <class T>
void logprob_backward(T* dz, int64_t ld_dz, const float* z, int64_t ld_z, const float* lse,
                      const float* dlogp, const int32_t* targets, int64_t N, int64_t V) {
  for (int64_t n = 0; n < N; ++n, z += ld_z, dz += ld_dz) {
    const float g = targets[n] < 0 ? 0.f : dlogp[n];
    const int64_t target = targets[n];
    // The target's element first: its place in z may be overwritten below.
    const float at_target = target < 0 ? 0.f : g * (1 - vexp(splat(z[target] - lse[n]))[0]);
    for (int64_t v = 0; v < V; v += kLanes)
      store_n(dz + v, vexp(load_n(z + v, V - v) - lse[n]) * -g, V - v);
    if (target >= 0) dz[target] = T(at_target);
  }
}

}  // namespace

extern const LogprobKernels<float> logprob_f32 = {logprob<float>, logprob_backward<float>};
extern const LogprobKernels<bf16> logprob_bf16 = {logprob<bf16>, logprob_backward<bf16>};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
