// Linear layers of GPT shapes as fractions of the multiply-add peak: forward, input and weight
// gradient, float32 and bf16. Run: bench_gemm [seconds a case = 1] [threads = all]. The peak is
// probed before and after each case and the higher one counts. One thread is timed by its
// processor time, several by the clock. The last line is JSON.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/cpu.h"
#include "core/parallel.h"
#include "core/random.h"
#include "kernels/kernels.h"
#include "measure.h"
#include "ops/linear.h"

using namespace gpte;

namespace {

struct Layer {
  int64_t N, K, O;  // rows, inputs, outputs
};
constexpr Layer kLayers[] = {{1024, 384, 1536}, {1024, 768, 3072}, {1024, 768, 50304}};
constexpr int kLeastCalls = 3;

double now(int threads) {
  if (threads == 1) return bench::thread_seconds();
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The best of at least kLeastCalls calls and about `budget` seconds.
template <class F>
double best_seconds(int threads, double budget, const F& f) {
  f();  // touches the memory and wakes the threads
  double best = 1e30, total = 0;
  for (int call = 0; call < kLeastCalls || total < budget; ++call) {
    const double start = now(threads);
    f();
    const double seconds = now(threads) - start;
    best = std::min(best, seconds);
    total += seconds;
  }
  return best;
}

// Operations a second of the probe, by the same clock as the cases.
double peak_flops(DType dtype, int threads) {
  const ProbeKernels& probe = *kernels().probe;
  const auto multiply = dtype == DType::f32 ? probe.multiply_float32 : probe.multiply_bfloat16;
  constexpr int64_t kLoops = 1 << 17;
  int64_t flops = 0;
  const double seconds = best_seconds(threads, 0.3, [&] {
    parallel_chunks(threads, [&](int64_t thread) {
      float sink = 0;
      const int64_t done = multiply(&sink, kLoops);
      if (thread == 0) flops = done;
    });
  });
  return double(flops) * threads / seconds;
}

Tensor random(Shape shape, DType dtype) {
  Tensor t(shape, dtype);
  constexpr int64_t kGrain = 1 << 14;
  parallel_for(t.numel(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float x = Philox(1, 0, uint64_t(i)).uniform(0) - 0.5f;
      if (dtype == DType::f32)
        t.data<float>()[i] = x;
      else
        t.data<bf16>()[i] = bf16(x);
    }
  });
  return t;
}

std::string json;

// Prints a line and returns the fraction.
template <class F>
double measure(const char* way, const Layer& l, DType dtype, int threads, double budget,
               const F& f) {
  const double before = peak_flops(dtype, threads);
  const double seconds = best_seconds(threads, budget, f);
  const double peak = std::max(before, peak_flops(dtype, threads));
  const double rate = 2.0 * double(l.N) * double(l.K) * double(l.O) / seconds, part = rate / peak;
  char name[128];
  std::snprintf(name, sizeof(name), "%s %s N%d K%d O%d threads %d", way, name_of(dtype), int(l.N),
                int(l.K), int(l.O), threads);
  std::printf("%-52s %10.3f ms %8.1f GFLOP/s  %5.3f of %.1f\n", name, seconds * 1e3, rate / 1e9,
              part, peak / 1e9);
  std::fflush(stdout);
  json += ", \"" + std::string(name) + "\": " + std::to_string(part);
  return part;
}

void run(DType dtype, int threads, double budget) {
  set_num_threads(threads);
  Tensor none;
  double logs = 0;
  int cases = 0;
  for (const Layer& l : kLayers) {
    const Tensor x = random({l.N, l.K}, dtype), w = random({l.O, l.K}, dtype),
                 dy = random({l.N, l.O}, dtype);
    Tensor y({l.N, l.O}, dtype), dx({l.N, l.K}, dtype), dw({l.O, l.K}, DType::f32);
    logs += std::log(measure("forward", l, dtype, threads, budget,
                             [&] { linear_forward(y, none, x, w, none, none, Activation::none); }));
    logs += std::log(measure("backward_input", l, dtype, threads, budget,
                             [&] { linear_backward_input(dx, dy, w, none, Activation::none); }));
    logs += std::log(measure("backward_weight", l, dtype, threads, budget,
                             [&] { linear_backward_weight(dw, none, dy, x); }));
    cases += 3;
  }
  const double mean = std::exp(logs / cases);
  std::printf("geometric mean, %s, %d thread%s: %.3f\n", name_of(dtype), threads,
              threads > 1 ? "s" : "", mean);
  json += ", \"geometric mean " + std::string(name_of(dtype)) + " threads " +
          std::to_string(threads) + "\": " + std::to_string(mean);
}

}  // namespace

int main(int argc, char** argv) {
  const double budget = argc > 1 ? std::atof(argv[1]) : 1.0;
  const int all = argc > 2 ? std::atoi(argv[2]) : num_threads();
  std::printf("%s, %s\n", cpu_name().c_str(), name_of(chosen_isa()));
  std::vector<int> counts{1};
  if (all > 1) counts.push_back(all);
  for (int threads : counts)
    for (DType dtype : {DType::f32, DType::bf16}) run(dtype, threads, budget);
  std::printf("{\"bench\": \"gemm\", \"isa\": \"%s\"%s}\n", name_of(chosen_isa()), json.c_str());
}
