#include "ops/positions.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/parallel.h"
#include "ops/checks.h"

namespace gpte {
namespace {

constexpr double kTurn = 6.283185307179586;

// How much of its own frequency each pair keeps: r of the header.
double kept(const RopeScaling& s, double theta, int64_t i, int64_t I, double frequency) {
  switch (s.kind) {
    case Scaling::none:
    case Scaling::dynamic:
    case Scaling::longrope:
      return 1;
    case Scaling::linear:
      return 0;
    case Scaling::llama3: {
      const double turns = s.context * frequency / kTurn;
      return std::clamp((turns - s.low) / (s.high - s.low), 0.0, 1.0);
    }
    case Scaling::yarn: {
      const auto pair = [&](double turns) {
        return double(I) * std::log(s.context / (kTurn * turns)) / std::log(theta);
      };
      const double a = std::max(std::floor(pair(s.high)), 0.0);
      double b = std::min(std::ceil(pair(s.low)), double(2 * I - 1));
      if (b == a) b += 0.001;
      return 1 - std::clamp((double(i) - a) / (b - a), 0.0, 1.0);
    }
  }
  fail("rope_table: the scaling is unknown");
}

}  // namespace

void segment_positions(Tensor& positions, const Tensor& segments) {
  const char* op = "segment_positions";
  check_rank(op, "positions", positions, 1);
  check_rank(op, "segments", segments, 1);
  check(segments.dim(0) >= 1, op, ": segments ", segments.shape(), " must not be empty");
  check_tensor(op, "positions", positions, positions.shape(), DType::i32);
  check_tensor(op, "segments", segments, segments.shape(), DType::i32);
  check_same_device(op, positions, segments);
  GPTE_DISPATCH_CPU(op, positions.device(), segment_positions(positions, segments));
}

void sinusoidal_table(Tensor& table) {
  check_rank("sinusoidal_table", "table", table, 2);
  GPTE_DISPATCH_CPU("sinusoidal_table", table.device(), sinusoidal_table(table));
}

void rope_table(Tensor& cos, Tensor& sin, double theta, const RopeScaling& scaling) {
  check_rank("rope_table", "cos", cos, 2);
  check_tensor("rope_table", "cos", cos, cos.shape(), DType::f32);
  check_tensor("rope_table", "sin", sin, cos.shape(), DType::f32);
  check(theta > 0, "rope_table: theta ", theta, " must be positive");
  check(scaling.factor > 0, "rope_table: factor ", scaling.factor, " must be positive");
  if (scaling.kind == Scaling::llama3 || scaling.kind == Scaling::yarn) {
    check(scaling.context >= 1, "rope_table: context ", scaling.context, " must be at least 1");
    check(scaling.low > 0 && scaling.low < scaling.high, "rope_table: low ", scaling.low,
          " must be positive and below high ", scaling.high);
  }
  if (scaling.kind == Scaling::longrope) {
    check(int64_t(scaling.divisors.size()) == cos.dim(1), "rope_table: ", scaling.divisors.size(),
          " divisors must be ", cos.dim(1));
    for (const double d : scaling.divisors)
      check(d > 0, "rope_table: divisor ", d, " must be positive");
  }
  check_same_device("rope_table", cos, sin);
  GPTE_DISPATCH_CPU("rope_table", cos.device(), rope_table(cos, sin, theta, scaling));
}

namespace cpu {

void segment_positions(Tensor& positions, const Tensor& segments) {
  check_boundaries("segment_positions", segments, positions.dim(0));
  const int64_t B = segments.dim(0) - 1;
  const int32_t* s = segments.data<int32_t>();
  int32_t* p = positions.data<int32_t>();
  for (int64_t b = 0; b < B; ++b)
    for (int32_t n = s[b]; n < s[b + 1]; ++n) p[n] = n - s[b];
}

void sinusoidal_table(Tensor& table) {
  const int64_t C = table.dim(1);
  visit_float("sinusoidal_table", table.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    parallel_for(table.dim(0), 8, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t)
        for (int64_t c = 0; c < C; ++c) {
          const double angle = double(t) * std::pow(1e4, -double(c - c % 2) / double(C));
          table.data<T>()[t * C + c] = T(float(c % 2 ? std::cos(angle) : std::sin(angle)));
        }
    });
  });
}

void rope_table(Tensor& cos, Tensor& sin, double theta, const RopeScaling& scaling) {
  const int64_t I = cos.dim(1);
  std::vector<double> frequencies;
  for (int64_t i = 0; i < I; ++i) {
    const double frequency = std::pow(theta, -double(i) / double(I));
    const double r = kept(scaling, theta, i, I, frequency);
    frequencies.push_back(frequency * ((1 - r) / scaling.factor + r));
    if (scaling.kind == Scaling::longrope) frequencies.back() /= scaling.divisors[size_t(i)];
  }
  double m = scaling.kind == Scaling::longrope ? scaling.attention : 1;
  if (scaling.kind == Scaling::yarn) m = 1 + 0.1 * std::log(std::max(scaling.factor, 1.0));
  parallel_for(cos.dim(0), 8, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t i = 0; i < I; ++i) {
        const double angle = double(t) * frequencies[size_t(i)];
        cos.data<float>()[t * I + i] = float(m * std::cos(angle));
        sin.data<float>()[t * I + i] = float(m * std::sin(angle));
      }
  });
}

}  // namespace cpu
}  // namespace gpte
