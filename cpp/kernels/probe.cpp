#include "kernels/probe.h"

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

constexpr int kChains = 12;  // more than latency times ports, and they fit into 16 registers

GPTE_INLINE void add_up(float* sink, const Vec* chains) {
  Vec sum = chains[0];
  for (int i = 1; i < kChains; ++i) sum += chains[i];
  *sink += reduce_sum(sum);
}

int64_t multiply_float32(float* sink, int64_t loops) {
  Vec chains[kChains];
  for (int i = 0; i < kChains; ++i) chains[i] = splat(*sink + float(i));
  const Vec x = splat(*sink + 0.999f), y = splat(*sink + 0.001f);
  for (int64_t loop = 0; loop < loops; ++loop)
    for (int i = 0; i < kChains; ++i) chains[i] = chains[i] * x + y;
  add_up(sink, chains);
  return loops * kChains * kLanes * 2;
}

int64_t multiply_bfloat16(float* sink, int64_t loops) {
#if defined(__AVX512BF16__)
  Vec chains[kChains];
  for (int i = 0; i < kChains; ++i) chains[i] = splat(*sink + float(i));
  const __m512bh x = _mm512_cvtne2ps_pbh((__m512)splat(0.001f), (__m512)splat(0.001f));
  for (int64_t loop = 0; loop < loops; ++loop)
    for (int i = 0; i < kChains; ++i) chains[i] = (Vec)_mm512_dpbf16_ps((__m512)chains[i], x, x);
  add_up(sink, chains);
  return loops * kChains * kLanes * 4;
#else
  return multiply_float32(sink, loops);  // bf16 operands are widened, then multiplied as float32
#endif
}

void read(float* sink, const float* p, int64_t n) {
  constexpr int kStreams = 256 / kLanes < 16 ? 256 / kLanes : 16;
  Vec sums[kStreams] = {};
  for (int64_t i = 0; i < n; i += kStreams * kLanes)
    for (int s = 0; s < kStreams; ++s) sums[s] += load(p + i + s * kLanes);
  for (int s = 0; s < kStreams; ++s) *sink += reduce_sum(sums[s]);
}

}  // namespace

extern const ProbeKernels probe;
const ProbeKernels probe = {multiply_float32, multiply_bfloat16, read};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
