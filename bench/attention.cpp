// Attention on one thread as a fraction of the multiply-add peak, causal work counted as half.
// Run: bench_attention [seconds a case = 0.5] [part of a case's name]. The last line is JSON.
#include "ops/attention.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/parallel.h"
#include "core/random.h"
#include "kernels/kernels.h"
#include "measure.h"
#include "ops/attention_cached.h"

using namespace gpte;

namespace {

struct Case {
  int64_t B, T, H, K, D;
  DType dtype;
};

Tensor random(Shape shape, DType dtype) {
  Tensor t(shape, dtype);
  for (int64_t i = 0; i < t.numel(); ++i) {
    const float x = normal(1, 0, uint64_t(i));
    if (dtype == DType::f32)
      t.data<float>()[i] = x;
    else
      t.data<bf16>()[i] = bf16(x);
  }
  return t;
}

Tensor boundaries(int64_t B, int64_t T) {
  Tensor t(Shape{B + 1}, DType::i32);
  for (int64_t b = 0; b <= B; ++b) t.data<int32_t>()[b] = int32_t(b * T);
  return t;
}

// Operations a second of one thread, by the probe of the same instruction set.
double peak_flops() {
  float sink = 0;
  int64_t done = 0;
  const double seconds =
      bench::best_seconds([&] { done = kernels().probe->multiply_float32(&sink, 1 << 16); }, 0.1);
  return double(done) / seconds;
}

double budget = 0.5;
std::string wanted, json;

template <class F>
void measure(const char* op, const Case& c, double flops, const F& f) {
  char line[256];
  std::snprintf(line, sizeof(line), "%s B%d T%d H%d K%d D%d %s", op, int(c.B), int(c.T), int(c.H),
                int(c.K), int(c.D), name_of(c.dtype));
  const std::string name = line;
  f();
  if (name.find(wanted) == std::string::npos) return;
  const double seconds = bench::best_seconds(f, budget), peak = peak_flops();
  const double rate = flops / seconds;
  std::printf("%-45s %9.1f us %6.1f GFLOP/s  %5.3f of %.1f\n", line, seconds * 1e6, rate / 1e9,
              rate / peak, peak / 1e9);
  std::fflush(stdout);
  json += (json.empty() ? "\"" : ", \"") + name + "\": " + std::to_string(rate / peak);
}

void run(const Case& c) {
  const int64_t N = c.B * c.T;
  const Tensor qkv = random(Shape{N, (c.H + 2 * c.K) * c.D}, c.dtype),
               segments = boundaries(c.B, c.T);
  Tensor y(Shape{N, c.H * c.D}, c.dtype), lse(Shape{N, c.H}), slopes;
  const float scale = 1 / std::sqrt(float(c.D));
  const double product = double(c.B) * double(c.T) * double(c.T) * double(c.H * c.D);
  auto forward = [&] { attention_forward(y, lse, qkv, segments, slopes, c.H, c.K, scale, true); };
  measure("forward", c, 2 * product, forward);
  const Tensor dy = random(y.shape(), c.dtype);
  Tensor dqkv(qkv.shape(), c.dtype);
  auto backward = [&] {
    attention_backward(dqkv, dy, qkv, y, lse, segments, slopes, c.H, c.K, scale, true);
  };
  measure("backward", c, 5 * product, backward);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) budget = std::atof(argv[1]);
  if (argc > 2) wanted = argv[2];
  set_num_threads(1);
  for (DType dtype : {DType::f32, DType::bf16})
    for (const Case& c : {Case{1, 1024, 2, 2, 64, dtype}, Case{4, 256, 2, 2, 64, dtype},
                          Case{1, 1024, 8, 2, 128, dtype}, Case{1, 1024, 2, 2, 80, dtype},
                          Case{1, 1024, 4, 4, 32, dtype}, Case{1, 4096, 1, 1, 64, dtype}})
      run(c);
  std::printf("{\"bench\": \"attention\", \"unit\": \"fraction of peak\", %s}\n", json.c_str());
}
