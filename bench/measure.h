// What the C++ benchmarks share: the processor time of a call, and the float32 multiply-add rate of
// this processor, measured in the same process because shared machines change by a factor of two.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstring>

namespace bench {

inline double thread_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

// The best of many calls within about `budget` seconds, in processor time of this thread.
template <class F>
double best_seconds(const F& f, double budget) {
  double best = 1e30;
  for (double total = 0; total < budget;) {
    const double start = thread_seconds();
    f();
    const double seconds = thread_seconds() - start;
    best = std::min(best, seconds);
    total += std::max(seconds, 1e-7);
  }
  return best;
}

typedef float Vec4 __attribute__((vector_size(16)));
typedef float Vec8 __attribute__((vector_size(32)));
typedef float Vec16 __attribute__((vector_size(64)));

// Independent chains of multiply-adds in registers: 2 * kChains * lanes * rounds operations.
template <class Vec>
__attribute__((always_inline)) inline float multiply_add_chains(long rounds) {
  constexpr int kChains = 12;
  Vec sum[kChains];
  for (int c = 0; c < kChains; ++c) sum[c] = Vec{} + float(c);  // unlike, or they are one chain
  Vec a = Vec{} + 0.999f, b = Vec{} + 0.001f;
  for (long i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) sum[c] = sum[c] * a + b;
  }
  for (int c = 1; c < kChains; ++c) sum[0] += sum[c];
  return sum[0][0];
}

#if defined(__x86_64__)
__attribute__((target("avx512f,fma"), noinline)) inline float chains_avx512(long rounds) {
  return multiply_add_chains<Vec16>(rounds);
}
__attribute__((target("avx2,fma"), noinline)) inline float chains_avx2(long rounds) {
  return multiply_add_chains<Vec8>(rounds);
}
#endif
__attribute__((noinline)) inline float chains_base(long rounds) {
  return multiply_add_chains<Vec4>(rounds);
}

// Floating-point operations a second of one thread.
inline double peak_flops(double budget = 0.1) {
  constexpr long kRounds = 1 << 16;
  int lanes = 4;
  float (*chains)(long) = chains_base;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    lanes = 16, chains = chains_avx512;
  else if (__builtin_cpu_supports("avx2"))
    lanes = 8, chains = chains_avx2;
#endif
  volatile float sink = 0;
  return 2.0 * 12 * lanes * kRounds / best_seconds([&] { sink = chains(kRounds); }, budget);
}

}  // namespace bench
