// Products of few rows, as decoding has them, with weights in every layout: how fast the weights
// are read, as a fraction of the memory's speed. And the making of quantized matrices.
// Run: bench_products [seconds a case = 0.3] [threads = 1] [part of a case's name]. The last line
// is JSON.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "measure.h"
#include "ops/linear.h"
#include "ops/probe.h"
#include "ops/quantized.h"

using namespace gpte;
using bench::random;

namespace {

double budget = 0.3, bandwidth = 0;
int threads = 1;
std::string wanted;
bench::Results results;

template <class F>
void measure(const std::string& name, double bytes, const F& f) {
  if (name.find(wanted) == std::string::npos) return;
  results.add_share(name, bench::best_seconds(f, budget, threads), bytes, bandwidth, "B/s");
}

void layer(int64_t K, int64_t O, const char* layout, const Tensor& w, DType dtype) {
  const Tensor none;
  for (int64_t M : {1, 8, 32}) {
    const Tensor x = random({M, K}, dtype);
    Tensor y({M, O}, dtype), pre;
    measure(std::string(layout) + " " + name_of(dtype) + " M" + std::to_string(M) + " K" +
                std::to_string(K) + " O" + std::to_string(O),
            double(w.bytes()), [&] { linear_forward(y, pre, x, w, none, none, Activation::none); });
  }
}

void run(int64_t K, int64_t O) {
  const std::string sizes = " K" + std::to_string(K) + " O" + std::to_string(O);
  const Tensor w = random({O, K});
  for (DType dtype : {DType::f32, DType::bf16}) {
    const Tensor plain = dtype == DType::f32 ? w : random({O, K}, dtype);
    Tensor packed(packed_shape(plain.shape(), dtype), dtype);
    pack_weight(packed, plain);
    layer(K, O, "packed", packed, dtype);
  }
  for (int bits : {8, 4}) {
    const std::string name = "q" + std::to_string(bits);
    Tensor q(quantized_shape(w.shape(), bits), DType::u8);
    measure("quantize_weight " + name + sizes, double(w.bytes()), [&] { quantize_weight(q, w); });
    for (DType dtype : {DType::f32, DType::bf16}) layer(K, O, name.c_str(), q, dtype);
    Tensor y({32, K}), tokens({32}, DType::i32), none;
    for (int i = 0; i < 32; ++i) tokens.data<int32_t>()[i] = int32_t(i * 37 % O);
    measure("quantized_embedding_forward " + name + sizes, double(y.bytes()),
            [&] { quantized_embedding_forward(y, tokens, none, q, none); });
  }
}

// The matrices of a decoding step of a Llama of 12 x 768, which no cache holds.
void step(int bits) {
  const std::string name = bits ? "q" + std::to_string(bits) : "packed";
  std::vector<Tensor> weights, outputs;
  std::vector<int64_t> inputs;
  double bytes = 0;
  const auto add = [&](int64_t K, int64_t O) {
    const Tensor w = random({O, K}, bits ? DType::f32 : DType::bf16);
    weights.emplace_back(
        bits ? quantized_shape(w.shape(), bits) : packed_shape(w.shape(), w.dtype()),
        bits ? DType::u8 : DType::bf16);
    bits ? quantize_weight(weights.back(), w) : pack_weight(weights.back(), w);
    bytes += double(weights.back().bytes());
    outputs.emplace_back(Shape{1, O}, DType::bf16);
    inputs.push_back(K);
  };
  for (int i = 0; i < 12; ++i) add(768, 2304), add(768, 768), add(768, 4096), add(2048, 768);
  add(768, 32000);
  const Tensor none;
  Tensor pre;
  std::map<int64_t, Tensor> x;
  for (int64_t K : inputs)
    if (!x.count(K)) x[K] = random({1, K}, DType::bf16);
  measure("step " + name, bytes, [&] {
    for (size_t i = 0; i < weights.size(); ++i)
      linear_forward(outputs[i], pre, x[inputs[i]], weights[i], none, none, Activation::none);
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) budget = std::atof(argv[1]);
  if (argc > 2) threads = std::atoi(argv[2]);
  if (argc > 3) wanted = argv[3];
  set_num_threads(threads);
  bandwidth = memory_bandwidth(threads, 0.5);
  run(768, 3072);
  run(2048, 768);
  run(768, 32000);
  for (int bits : {0, 8, 4}) step(bits);
  results.print("products", "fraction of the memory's read speed");
}
