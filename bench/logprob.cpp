// The loss on one thread as a fraction of the multiply-add peak, and what feeds decoding as a
// fraction of the rate at which memory is read: logits of few rows, packing, the key-value cache.
// Run: bench_logprob [seconds a case = 0.5] [part of a case's name]. The last line is JSON.
#include <cstdlib>
#include <string>

#include "measure.h"
#include "ops/attention_cached.h"
#include "ops/linear.h"
#include "ops/linear_logprob.h"
#include "ops/probe.h"

using namespace gpte;
using bench::boundaries;
using bench::random;

namespace {

double budget = 0.5;
std::string wanted;
bench::Results results;

template <class F>
void measure(const std::string& name, double flops, DType dtype, const F& f) {
  if (name.find(wanted) != std::string::npos)
    bench::add_case(results, name, flops, dtype, budget, f);
}

template <class F>
void measure_bytes(const std::string& name, int64_t bytes, const F& f) {
  if (name.find(wanted) == std::string::npos) return;
  const double peak = memory_bandwidth(1, 0.2), seconds = bench::best_seconds(f, budget);
  results.add_share(name, seconds, double(bytes), peak, "B/s");
}

void loss(int64_t N, int64_t C, int64_t V, DType dtype) {
  const std::string sizes = " N" + std::to_string(N) + " C" + std::to_string(C) + " V" +
                            std::to_string(V) + " " + name_of(dtype);
  const Tensor h = random({N, C}, dtype), w = random({V, C}, dtype), dlogp = random({N});
  Tensor targets({N}, DType::i32), logp({N}), lse({N}), dh({N, C}, dtype), dw({V, C});
  for (int64_t n = 0; n < N; ++n) targets.data<int32_t>()[n] = int32_t(n * 7919 % V);
  const double product = 2. * double(N) * double(C) * double(V);
  measure("linear_logprob_forward" + sizes, product, dtype,
          [&] { linear_logprob_forward(logp, lse, h, w, targets, V); });
  // The logits once more, and the two products of the gradients.
  measure("linear_logprob_backward" + sizes, 3 * product, dtype,
          [&] { linear_logprob_backward(dh, dw, dlogp, h, w, targets, lse); });
  measure("linear_logprob_forward_backward" + sizes, 3 * product, dtype,
          [&] { linear_logprob_forward_backward(logp, lse, dh, dw, dlogp, h, w, targets); });
}

void decoding(int64_t C, int64_t V, DType dtype) {
  const std::string sizes = " C" + std::to_string(C) + " V" + std::to_string(V) + " ";
  const Tensor w = random({V, C}, dtype);
  Tensor packed(packed_shape(w.shape(), dtype), dtype);
  measure_bytes("pack_weight" + sizes + name_of(dtype), w.bytes() + packed.bytes(),
                [&] { pack_weight(packed, w); });
  pack_weight(packed, w);
  for (int64_t R : {1, 8}) {
    const Tensor h = random({R, C}, dtype), rows = boundaries(R - 1, 1);
    Tensor logits({R, V});
    measure_bytes("linear_logits R" + std::to_string(R) + sizes + name_of(dtype),
                  packed.bytes() + logits.bytes(), [&] { linear_logits(logits, h, packed, rows); });
  }
}

// B prompts of T tokens.
void cache(int64_t B, int64_t T, int64_t H, int64_t K, int64_t D, DType dtype) {
  const std::string sizes = " B" + std::to_string(B) + " T" + std::to_string(T) + " H" +
                            std::to_string(H) + " K" + std::to_string(K) + " D" +
                            std::to_string(D) + " ";
  const Tensor qkv = random({B * T, (H + 2 * K) * D}, dtype), segments = boundaries(B, T),
               starts({B}, DType::i32);
  const int64_t blocks = (T + kCacheBlock - 1) / kCacheBlock;
  Tensor tables({B, blocks}, DType::i32);
  for (int64_t i = 0; i < B * blocks; ++i) tables.data<int32_t>()[i] = int32_t(i);
  Tensor k({B * blocks, K, kCacheBlock, D}, dtype), v(k.shape(), dtype);
  measure_bytes("kv_cache_append" + sizes + name_of(dtype), 2 * (k.bytes() + v.bytes()),
                [&] { kv_cache_append(k, v, qkv, segments, tables, starts, H, K); });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) budget = std::atof(argv[1]);
  if (argc > 2) wanted = argv[2];
  set_num_threads(1);
  for (DType dtype : {DType::f32, DType::bf16}) {
    loss(1024, 384, 8192, dtype);
    loss(1024, 768, 50304, dtype);
    decoding(768, 50304, dtype);
    cache(8, 1024, 12, 12, 64, dtype);
    cache(8, 1024, 12, 3, 64, dtype);
  }
  results.print("logprob", "fraction of peak; memory: of the rate of reading");
}
