#include "ops/probe.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "core/memory.h"
#include "core/parallel.h"
#include "kernels/kernels.h"

namespace gpte {
namespace {

constexpr double kSliceSeconds = 0.01;
constexpr int64_t kBufferBytes = int64_t(256) << 20;
constexpr int64_t kReadFloats = int64_t(1) << 18;  // 1 MiB at a time

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// The pool at another size for the length of a measurement.
struct Threads {
  explicit Threads(int n) : before(num_threads()) { set_num_threads(n); }
  ~Threads() { set_num_threads(before); }
  const int before;
};

void check_arguments(const char* name, int threads, double seconds) {
  check(threads >= 1 && threads <= 1024, name, ": threads ", threads, " must be from 1 to 1024");
  check(seconds > 0 && seconds <= 60, name, ": seconds ", seconds, " must be in (0, 60]");
}

// The best rate of `slice`, which returns how much it has done, over about `seconds`.
template <class F>
double best_rate(double seconds, const F& slice) {
  slice();  // wakes the threads and warms the processor
  double best = 0;
  const auto start = Clock::now();
  do {
    const auto begin = Clock::now();
    const double done = slice();
    best = std::max(best, done / seconds_since(begin));
  } while (seconds_since(start) < seconds);
  return best;
}

}  // namespace

double peak_flops(DType dtype, int threads, double seconds) {
  check_arguments("peak_flops", threads, seconds);
  check(dtype == DType::f32 || dtype == DType::bf16, "peak_flops: dtype ", dtype,
        " must be float32 or bfloat16");
  const ProbeKernels& probe = *kernels().probe;
  const auto multiply = dtype == DType::f32 ? probe.multiply_float32 : probe.multiply_bfloat16;
  const Threads scope(threads);

  float sink = 0;
  int64_t loops = 1 << 12;
  for (double took = 0; took < kSliceSeconds; loops *= 2) {
    const auto begin = Clock::now();
    multiply(&sink, loops);
    took = seconds_since(begin);
  }
  return best_rate(seconds, [&] {
    std::vector<double> flops(static_cast<size_t>(threads));
    parallel_chunks(threads, [&](int64_t thread) {
      float own = 0;
      flops[size_t(thread)] = double(multiply(&own, loops));
    });
    double sum = 0;
    for (double f : flops) sum += f;
    return sum;
  });
}

double memory_bandwidth(int threads, double seconds) {
  check_arguments("memory_bandwidth", threads, seconds);
  const ProbeKernels& probe = *kernels().probe;
  const Threads scope(threads);
  const std::shared_ptr<void> buffer = allocate(kBufferBytes);
  float* data = static_cast<float*>(buffer.get());
  const int64_t floats = kBufferBytes / 4, chunks = floats / kReadFloats;
  // Pages that were never written are all the same one, which the cache holds.
  parallel_chunks(
      chunks, [&](int64_t chunk) { std::fill_n(data + chunk * kReadFloats, kReadFloats, 1.f); });
  return best_rate(seconds, [&] {
    parallel_chunks(threads, [&](int64_t thread) {
      float sink = 0;
      const int64_t begin = chunks * thread / threads, end = chunks * (thread + 1) / threads;
      probe.read(&sink, data + begin * kReadFloats, (end - begin) * kReadFloats);
    });
    return double(kBufferBytes);
  });
}

}  // namespace gpte
