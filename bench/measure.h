// What the C++ benchmarks share: random tensors, the time of a call, the peak, the line of results.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>

#include "core/cpu.h"
#include "core/parallel.h"
#include "core/random.h"
#include "core/tensor.h"
#include "kernels/kernels.h"

namespace bench {

// One thread is timed by its processor time, which a busy machine does not change; several by the
// clock.
inline double now(int threads) {
  timespec t;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

// The best of at least three samples and about `budget` seconds. A sample is as many calls as take
// a millisecond, because the clock is coarse.
template <class F>
double best_seconds(const F& f, double budget, int threads = 1) {
  f();  // touches the memory and wakes the threads
  double best = 1e30, total = 0;
  int64_t calls = 1;
  for (int samples = 0; samples < 3 || total < budget;) {
    const double start = now(threads);
    for (int64_t i = 0; i < calls; ++i) f();
    const double seconds = now(threads) - start;
    total += seconds;
    if (seconds < 1e-3) {
      calls *= 2;
    } else {
      best = std::min(best, seconds / double(calls));
      ++samples;
    }
  }
  return best;
}

// Operations a second of the probe of the kernels in use, by the same clock as the cases.
inline double peak_flops(gpte::DType dtype, int threads = 1) {
  const gpte::ProbeKernels& probe = *gpte::kernels().probe;
  const bool wide = dtype == gpte::DType::f32;
  const auto multiply = wide ? probe.multiply_float32 : probe.multiply_bfloat16;
  int64_t flops = 0;
  const auto all = [&] {
    gpte::parallel_chunks(threads, [&](int64_t thread) {
      float sink = 0;
      const int64_t done = multiply(&sink, 1 << 17);
      if (thread == 0) flops = done;
    });
  };
  const double seconds = best_seconds(all, 0.2, threads);
  return double(flops) * threads / seconds;
}

// Numbers of mean 0 and variance 1.
inline gpte::Tensor random(gpte::Shape shape, gpte::DType dtype = gpte::DType::f32) {
  gpte::Tensor t(shape, dtype);
  gpte::parallel_for(t.numel(), 1 << 14, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float x = 1.7320508f * (2 * gpte::Philox(1, 0, uint64_t(i)).uniform(0) - 1);
      if (dtype == gpte::DType::f32)
        t.data<float>()[i] = x;
      else
        t.data<gpte::bf16>()[i] = gpte::bf16(x);
    }
  });
  return t;
}

// B segments of T tokens.
inline gpte::Tensor boundaries(int64_t B, int64_t T) {
  gpte::Tensor t(gpte::Shape{B + 1}, gpte::DType::i32);
  for (int64_t b = 0; b <= B; ++b) t.data<int32_t>()[b] = int32_t(b * T);
  return t;
}

// Gathers the cases for the JSON object that is a benchmark's last line.
struct Results {
  std::string json;

  void add(const std::string& name, double value) {
    json += ", \"" + name + "\": " + std::to_string(value);
  }

  // Prints and gathers work/seconds, floating-point operations or bytes, as a fraction of a peak.
  double add_share(const std::string& name, double seconds, double work, double peak,
                   const char* unit) {
    const double rate = work / seconds;
    std::printf("%-52s %11.1f us %8.1f G%s  %5.3f of %.1f\n", name.c_str(), seconds * 1e6,
                rate / 1e9, unit, rate / peak, peak / 1e9);
    std::fflush(stdout);
    add(name, rate / peak);
    return rate / peak;
  }

  void print(const char* bench, const char* unit) const {
    std::printf("{\"bench\": \"%s\", \"isa\": \"%s\", \"unit\": \"%s\"%s}\n", bench,
                gpte::name_of(gpte::chosen_isa()), unit, json.c_str());
  }
};

// A case whose floating-point operations count. The peak is probed before and after it, because a
// shared machine changes, and the higher one counts.
template <class F>
double add_case(Results& results, const std::string& name, double flops, gpte::DType dtype,
                double budget, const F& f, int threads = 1) {
  const double before = peak_flops(dtype, threads), seconds = best_seconds(f, budget, threads);
  const double peak = std::max(before, peak_flops(dtype, threads));
  return results.add_share(name, seconds, flops, peak, "FLOP/s");
}

}  // namespace bench
