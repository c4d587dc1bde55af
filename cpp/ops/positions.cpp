#include "ops/positions.h"

#include <cmath>

#include "core/parallel.h"
#include "ops/checks.h"

namespace gpte {

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

void rope_table(Tensor& cos, Tensor& sin, double theta) {
  check_rank("rope_table", "cos", cos, 2);
  check_tensor("rope_table", "cos", cos, cos.shape(), DType::f32);
  check_tensor("rope_table", "sin", sin, cos.shape(), DType::f32);
  check(theta > 0, "rope_table: theta ", theta, " must be positive");
  check_same_device("rope_table", cos, sin);
  GPTE_DISPATCH_CPU("rope_table", cos.device(), rope_table(cos, sin, theta));
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

void rope_table(Tensor& cos, Tensor& sin, double theta) {
  const int64_t I = cos.dim(1);
  parallel_for(cos.dim(0), 8, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t i = 0; i < I; ++i) {
        const double angle = double(t) * std::pow(theta, -double(i) / double(I));
        cos.data<float>()[t * I + i] = float(std::cos(angle));
        sin.data<float>()[t * I + i] = float(std::sin(angle));
      }
  });
}

}  // namespace cpu
}  // namespace gpte
