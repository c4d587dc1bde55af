// Attention on one thread: training as a fraction of the multiply-add peak of its type, causal work
// counted as half; decoding as the rate at which keys and values are read.
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
double peak_flops(DType dtype) {
  const ProbeKernels& probe = *kernels().probe;
  const auto multiply = dtype == DType::f32 ? probe.multiply_float32 : probe.multiply_bfloat16;
  float sink = 0;
  int64_t done = 0;
  const double seconds = bench::best_seconds([&] { done = multiply(&sink, 1 << 16); }, 0.1);
  return double(done) / seconds;
}

double budget = 0.5;
std::string wanted, json;

std::string name_of_case(const char* op, const Case& c) {
  char line[256];
  std::snprintf(line, sizeof(line), "%s B%d T%d H%d K%d D%d %s", op, int(c.B), int(c.T), int(c.H),
                int(c.K), int(c.D), name_of(c.dtype));
  return line;
}

void add_to_json(const std::string& name, double value) {
  json += (json.empty() ? "\"" : ", \"") + name + "\": " + std::to_string(value);
}

template <class F>
void measure(const char* op, const Case& c, double flops, const F& f) {
  const std::string name = name_of_case(op, c);
  f();
  if (name.find(wanted) == std::string::npos) return;
  const double seconds = bench::best_seconds(f, budget), peak = peak_flops(c.dtype);
  const double rate = flops / seconds;
  std::printf("%-45s %9.1f us %6.1f GFLOP/s  %5.3f of %.1f\n", name.c_str(), seconds * 1e6,
              rate / 1e9, rate / peak, peak / 1e9);
  std::fflush(stdout);
  add_to_json(name, rate / peak);
}

// One new token for each of B sequences of T tokens.
void decode(const Case& c) {
  const std::string name = name_of_case("decode", c);
  if (name.find(wanted) == std::string::npos) return;
  const Tensor qkv = random(Shape{c.B, (c.H + 2 * c.K) * c.D}, c.dtype),
               segments = boundaries(c.B, 1);
  const Tensor k_cache = random(Shape{c.B, c.K, c.T, c.D}, c.dtype),
               v_cache = random(k_cache.shape(), c.dtype);
  Tensor slots = boundaries(c.B - 1, 1), starts(Shape{c.B}, DType::i32), slopes;
  Tensor y(Shape{c.B, c.H * c.D}, c.dtype);
  for (int64_t b = 0; b < c.B; ++b) starts.data<int32_t>()[b] = int32_t(c.T - 1);
  const double seconds = bench::best_seconds(
      [&] {
        attention_cached_forward(y, qkv, k_cache, v_cache, segments, slots, starts, slopes, c.H,
                                 c.K, 0.125f);
      },
      budget);
  const double rate = double(k_cache.bytes() + v_cache.bytes()) / seconds;
  std::printf("%-45s %9.1f us %6.1f GB/s\n", name.c_str(), seconds * 1e6, rate / 1e9);
  add_to_json(name, rate / 1e9);
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
  for (DType dtype : {DType::f32, DType::bf16}) {
    decode({1, 1024, 1, 1, 64, dtype});
    decode({8, 1024, 12, 12, 64, dtype});
    decode({8, 1024, 12, 3, 64, dtype});
  }
  std::printf("{\"bench\": \"attention\", \"unit\": \"fraction of peak; decode GB/s\", %s}\n",
              json.c_str());
}
