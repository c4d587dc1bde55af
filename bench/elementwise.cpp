// Operators that move memory, on one thread, as a fraction of a copy measured in the same process:
// bytes are those that must be read and written, each once. In place, a fraction above 1 is
// possible, because the copy's writes also read their target.
// Run: bench_elementwise [seconds a case = 0.5] [part of a case's name]. The last line is JSON.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "decode/sampler.h"
#include "measure.h"
#include "ops/activation.h"
#include "ops/adamw.h"
#include "ops/add.h"
#include "ops/cast.h"
#include "ops/embedding.h"
#include "ops/layer_norm.h"
#include "ops/positions.h"
#include "ops/qk_norm.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "ops/scale.h"
#include "ops/square_sum.h"
#include "ops/swiglu.h"
#include "ops/value_head.h"

using namespace gpte;
using bench::random;

namespace {

// Each tensor of N rows is larger than the caches' share of one core.
constexpr int64_t N = 8192, C = 768, F = 3072, H = 12, D = 64, V = 50304, P = int64_t(1) << 25;

double budget = 0.5, copy_rate;
std::string wanted;
bench::Results results;

void measure(const std::string& name, int64_t bytes, const std::function<void()>& f) {
  if (name.find(wanted) == std::string::npos) return;
  results.add_share(name, bench::best_seconds(f, budget), double(bytes), copy_rate, "B/s");
}

double measure_copy() {
  Tensor x(Shape{P}), y(Shape{P});
  x.zero();
  return 8. * double(P) / bench::best_seconds([&] { cast_forward(y, x); }, budget);
}

Tensor draws(int64_t n, int64_t limit) {
  Tensor t(Shape{n}, DType::i32);
  for (int64_t i = 0; i < n; ++i)
    t.data<int32_t>()[i] = int32_t(Philox(2, 0, uint64_t(i)).v[0] % uint32_t(limit));
  return t;
}

void rows(DType dtype) {
  const std::string type = std::string(" ") + name_of(dtype);
  const int64_t row = N * C * size_of(dtype);  // bytes of a (N, C) tensor
  const Tensor x = random(Shape{N, C}, dtype), dy = random(Shape{N, C}, dtype),
               w = random(Shape{C}), b = random(Shape{C}), dv = random(Shape{N});
  Tensor y(Shape{N, C}, dtype), dx(Shape{N, C}, dtype), dw(Shape{C}), db(Shape{C}), none;
  Tensor mean(Shape{N}), rstd(Shape{N}), v(Shape{N}), one(Shape{1});
  measure("add" + type, 3 * row, [&] { add(y, x); });
  measure("scale" + type, 2 * row, [&] { scale(y, 1); });
  measure("layer_norm_forward" + type, 2 * row,
          [&] { layer_norm_forward(y, mean, rstd, x, w, b, 1e-5f); });
  // dx is read and written, x and dy are read once for dx and once for dw.
  measure("layer_norm_backward" + type, 6 * row,
          [&] { layer_norm_backward(dx, dw, db, dy, x, w, mean, rstd); });
  measure("rms_norm_forward" + type, 2 * row, [&] { rms_norm_forward(y, rstd, x, w, 1e-5f); });
  measure("rms_norm_backward" + type, 6 * row, [&] { rms_norm_backward(dx, dw, dy, x, w, rstd); });
  measure("value_head_forward" + type, row, [&] { value_head_forward(v, x, w, one); });
  measure("value_head_backward" + type, 3 * row,
          [&] { value_head_backward(dx, dw, one, dv, x, w); });

  const Tensor tokens = draws(N, V), positions = draws(N, 1024);
  const Tensor wte = random(Shape{V, C}, dtype), wpe = random(Shape{1024, C}, dtype);
  Tensor dwte(Shape{V, C}), dwpe(Shape{1024, C});
  measure("embedding_forward" + type, 3 * row,
          [&] { embedding_forward(y, tokens, positions, none, wte, wpe, none); });
  measure("embedding_backward" + type, 2 * row + 4 * N * C * 4,
          [&] { embedding_backward(dwte, dwpe, none, dy, tokens, positions, none); });
}

void activations(DType dtype) {
  const std::string type = std::string(" ") + name_of(dtype);
  const int64_t row = N * F * size_of(dtype);
  const Tensor x = random(Shape{N, F}, dtype), dy = random(Shape{N, F}, dtype),
               gated = random(Shape{N, 2 * F}, dtype);
  Tensor y(Shape{N, F}, dtype), dx(Shape{N, F}, dtype), dgated(Shape{N, 2 * F}, dtype);
  const std::pair<const char*, Activation> kinds[] = {{"gelu", Activation::gelu},
                                                      {"gelu_tanh", Activation::gelu_tanh},
                                                      {"relu", Activation::relu},
                                                      {"silu", Activation::silu}};
  for (const auto& [name, kind_bound] : kinds) {
    const Activation kind = kind_bound;  // a lambda cannot capture the binding in C++17
    measure(std::string("activation_forward ") + name + type, 2 * row,
            [&] { activation_forward(y, x, kind); });
    measure(std::string("activation_backward ") + name + type, 3 * row,
            [&] { activation_backward(dx, dy, x, kind); });
  }
  measure("swiglu_forward" + type, 3 * row, [&] { swiglu_forward(y, gated); });
  measure("swiglu_backward" + type, 5 * row, [&] { swiglu_backward(dgated, dy, gated); });
}

void heads(DType dtype) {
  const std::string type = std::string(" ") + name_of(dtype);
  const int64_t row = N * 3 * H * D * size_of(dtype);
  const Tensor x = random(Shape{N, 3 * H * D}, dtype), dy = random(Shape{N, 3 * H * D}, dtype),
               w = random(Shape{D}), positions = draws(N, 1024);
  Tensor y(x.shape(), dtype), cos(Shape{1024, D / 2}), sin(Shape{1024, D / 2});
  Tensor q_rstd(Shape{N, H}), k_rstd(Shape{N, H}), dw_q(Shape{D}), dw_k(Shape{D});
  measure("rope_table", 8 * 1024 * D / 2, [&] { rope_table(cos, sin, 10000, RopeScaling()); });
  measure("rope_forward" + type, 2 * row * 2 / 3,
          [&] { rope_forward(y, positions, cos, sin, H, H); });
  measure("rope_backward" + type, 2 * row * 2 / 3,
          [&] { rope_backward(y, positions, cos, sin, H, H); });
  measure("qk_norm_forward" + type, 2 * row,
          [&] { qk_norm_forward(y, q_rstd, k_rstd, x, w, w, H, H, 1e-5f); });
  measure("qk_norm_backward" + type, 3 * row,
          [&] { qk_norm_backward(y, dw_q, dw_k, dy, x, w, w, q_rstd, k_rstd, H, H); });
}

void optimizer() {
  Tensor p = random(Shape{P}), m = random(Shape{P}), v(Shape{P}), g = random(Shape{P});
  Tensor copy(Shape{P}, DType::bf16), none;
  const auto step = [&](Tensor& low) {
    adamw_step(p, m, v, g, low, 1e-3f, 0.9f, 0.95f, 1e-8f, 0.1f, 1, 10);
  };
  measure("adamw_step", 32 * P, [&] { step(none); });
  measure("adamw_step with copy", 34 * P, [&] { step(copy); });
  measure("square_sum", 4 * P, [&] { square_sum(p); });
  measure("cast_forward to bfloat16", 6 * P, [&] { cast_forward(copy, p); });
  measure("cast_forward to float32", 6 * P, [&] { cast_forward(p, copy); });
}

void tables_and_draws() {
  const Tensor segments = bench::boundaries(8, N / 8);
  Tensor positions(Shape{N}, DType::i32), table(Shape{1024, C});
  measure("segment_positions", 4 * N, [&] { segment_positions(positions, segments); });
  measure("sinusoidal_table", 4 * 1024 * C, [&] { sinusoidal_table(table); });
  Tensor z = random(Shape{1, V});
  scale(z, 4.6f);
  int32_t id, place = 0;
  float logprob;
  const auto draw = [&](const char* name, Sampling options) {
    measure(name, 4 * V, [&, options] {
      sample(&id, &logprob, z.data<float>(), &place, &place, 1, V, options);
      ++place;
    });
  };
  draw("sample greedy", {0, 0, 1, 0, 0});
  draw("sample all", {1, 0, 1, 0, 0});
  draw("sample top_k 50", {1, 50, 1, 0, 0});
  draw("sample top_p 0.9 of thousands", {1, 0, 0.9f, 0, 0});
  draw("sample top_p 0.9 of a few", {0.2f, 0, 0.9f, 0, 0});
  draw("sample min_p 0.05", {1, 0, 1, 0.05f, 0});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) budget = std::atof(argv[1]);
  if (argc > 2) wanted = argv[2];
  set_num_threads(1);
  copy_rate = measure_copy();
  std::printf("a copy of %d MB: %.1f GB/s read and written\n", int(P * 4 >> 20), copy_rate / 1e9);
  for (DType dtype : {DType::f32, DType::bf16}) {
    rows(dtype);
    activations(dtype);
    heads(dtype);
  }
  optimizer();
  tables_and_draws();
  results.print("elementwise", "fraction of a copy");
}
