// Attention on one thread: training as a fraction of the multiply-add peak of its type, causal work
// counted as half; decoding as the rate at which keys and values are read.
// Run: bench_attention [seconds a case = 0.5] [part of a case's name]. The last line is JSON.
#include "ops/attention.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "measure.h"
#include "ops/attention_cached.h"

using namespace gpte;
using bench::boundaries;
using bench::random;

namespace {

struct Case {
  int64_t B, T, H, K, D;
  DType dtype;
};

double budget = 0.5;
std::string wanted;
bench::Results results;

std::string name_of_case(const char* op, const Case& c) {
  char line[256];
  std::snprintf(line, sizeof(line), "%s B%d T%d H%d K%d D%d %s", op, int(c.B), int(c.T), int(c.H),
                int(c.K), int(c.D), name_of(c.dtype));
  return line;
}

template <class F>
void measure(const char* op, const Case& c, double flops, const F& f) {
  const std::string name = name_of_case(op, c);
  if (name.find(wanted) == std::string::npos)
    f();  // the backward pass needs what the forward pass leaves
  else
    bench::add_case(results, name, flops, c.dtype, budget, f);
}

// One new token for each of B sequences of T tokens.
void decode(const Case& c) {
  const std::string name = name_of_case("decode", c);
  if (name.find(wanted) == std::string::npos) return;
  const Tensor qkv = random(Shape{c.B, (c.H + 2 * c.K) * c.D}, c.dtype),
               segments = boundaries(c.B, 1);
  const int64_t blocks = (c.T + kCacheBlock - 1) / kCacheBlock;
  const Tensor k_cache = random(Shape{c.B * blocks, c.K, kCacheBlock, c.D}, c.dtype),
               v_cache = random(k_cache.shape(), c.dtype);
  Tensor tables(Shape{c.B, blocks}, DType::i32), starts(Shape{c.B}, DType::i32), slopes;
  for (int64_t i = 0; i < c.B * blocks; ++i) tables.data<int32_t>()[i] = int32_t(i);
  Tensor y(Shape{c.B, c.H * c.D}, c.dtype);
  for (int64_t b = 0; b < c.B; ++b) starts.data<int32_t>()[b] = int32_t(c.T - 1);
  const double seconds = bench::best_seconds(
      [&] {
        attention_cached_forward(y, qkv, k_cache, v_cache, segments, tables, starts, slopes, c.H,
                                 c.K, 0.125f, 0);
      },
      budget);
  const double rate = double(k_cache.bytes() + v_cache.bytes()) / seconds;
  std::printf("%-45s %9.1f us %6.1f GB/s\n", name.c_str(), seconds * 1e6, rate / 1e9);
  results.add(name, rate / 1e9);
}

void run(const Case& c) {
  const int64_t N = c.B * c.T;
  const Tensor qkv = random(Shape{N, (c.H + 2 * c.K) * c.D}, c.dtype),
               segments = boundaries(c.B, c.T);
  Tensor y(Shape{N, c.H * c.D}, c.dtype), lse(Shape{N, c.H}), slopes;
  const float scale = 1 / std::sqrt(float(c.D));
  const double product = double(c.B) * double(c.T) * double(c.T) * double(c.H * c.D);
  auto forward = [&] {
    attention_forward(y, lse, qkv, segments, slopes, c.H, c.K, scale, true, 0);
  };
  measure("forward", c, 2 * product, forward);
  const Tensor dy = random(y.shape(), c.dtype);
  Tensor dqkv(qkv.shape(), c.dtype);
  auto backward = [&] {
    attention_backward(dqkv, dy, qkv, y, lse, segments, slopes, c.H, c.K, scale, true, 0);
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
    decode({32, 40, 12, 12, 64, dtype});
    decode({8, 1024, 12, 12, 64, dtype});
    decode({8, 1024, 12, 3, 64, dtype});
  }
  results.print("attention", "fraction of peak; decode GB/s");
}
