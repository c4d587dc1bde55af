#include "kernels/optimizer.h"

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

// Squares of float32 are exact in float64.
double square_sum(const float* x, int64_t n) {
  typedef double Wide __attribute__((vector_size(kLanes * 8)));
  constexpr int kChains = 4;  // hide the latency of the additions
  Wide sum[kChains] = {};
  int64_t i = 0;
  for (; i + kChains * kLanes <= n; i += kChains * kLanes)
    for (int c = 0; c < kChains; ++c) {
      const Wide d = __builtin_convertvector(load(x + i + c * kLanes), Wide);
      sum[c] += d * d;
    }
  for (int c = 0; i < n; i += kLanes, ++c) {
    const Wide d = __builtin_convertvector(load_n(x + i, n - i), Wide);
    sum[c] += d * d;
  }
  const Wide all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  double total = 0;
  for (int lane = 0; lane < kLanes; ++lane) total += all[lane];
  return total;
}

GPTE_INLINE void adamw_at(float* p, float* m, float* v, float* g, bf16* copy, const AdamwStep& s,
                          int64_t left) {
  const Vec a = load_n(g, left) * s.grad_scale;
  const Vec first = load_n(m, left) * s.beta1 + a * (1 - s.beta1);
  const Vec second = load_n(v, left) * s.beta2 + a * a * (1 - s.beta2);
  const Vec before = load_n(p, left);
  const Vec update = first * s.m_correction / (vsqrt(second * s.v_correction) + s.eps);
  const Vec after = before - s.lr * (update + s.weight_decay * before);
  store_n(m, first, left);
  store_n(v, second, left);
  store_n(p, after, left);
  store_n(g, Vec{}, left);
  if (copy) store_n(copy, after, left);
}

void adamw(float* p, float* m, float* v, float* g, bf16* copy, const AdamwStep& s, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    adamw_at(p + i, m + i, v + i, g + i, copy ? copy + i : copy, s, kLanes);
  if (i < n) adamw_at(p + i, m + i, v + i, g + i, copy ? copy + i : copy, s, n - i);
}

}  // namespace

extern const OptimizerKernels optimizer = {square_sum, adamw};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
