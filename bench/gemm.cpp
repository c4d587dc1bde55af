// Linear layers of GPT shapes as fractions of the multiply-add peak: forward, input and weight
// gradient, float32 and bf16. Run: bench_gemm [seconds a case = 1] [threads = all]. The last
// line is JSON.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/cpu.h"
#include "measure.h"
#include "ops/linear.h"

using namespace gpte;
using bench::random;

namespace {

struct Layer {
  int64_t N, K, O;  // rows, inputs, outputs
};
constexpr Layer kLayers[] = {{1024, 384, 1536}, {1024, 768, 3072}, {1024, 768, 50304}};

bench::Results results;

std::string name_of_case(const char* way, const Layer& l, DType dtype, int threads) {
  char name[128];
  std::snprintf(name, sizeof(name), "%s %s N%d K%d O%d threads %d", way, name_of(dtype), int(l.N),
                int(l.K), int(l.O), threads);
  return name;
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
    const auto measure = [&](const char* way, const auto& f) {
      const double flops = 2. * double(l.N) * double(l.K) * double(l.O);
      logs += std::log(bench::add_case(results, name_of_case(way, l, dtype, threads), flops, dtype,
                                       budget, f, threads));
    };
    measure("forward", [&] { linear_forward(y, none, x, w, none, none, Activation::none); });
    measure("backward_input", [&] { linear_backward_input(dx, dy, w, none, Activation::none); });
    measure("backward_weight", [&] { linear_backward_weight(dw, none, dy, x); });
    cases += 3;
  }
  const double mean = std::exp(logs / cases);
  std::printf("geometric mean, %s, %d thread%s: %.3f\n", name_of(dtype), threads,
              threads > 1 ? "s" : "", mean);
  results.add(
      "geometric mean " + std::string(name_of(dtype)) + " threads " + std::to_string(threads),
      mean);
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
  results.print("gemm", "fraction of peak");
}
