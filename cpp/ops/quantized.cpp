#include "ops/quantized.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/half.h"
#include "core/parallel.h"
#include "core/scratch.h"
#include "kernels/kernels.h"
#include "ops/checks.h"
#include "ops/epilogue_at.h"

namespace gpte {
namespace {

constexpr int64_t kScales = 64;  // bytes of a unit before its weights

int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

void check_quantized(const char* op, const char* name, const Tensor& w) {
  check(quantized_bits(w) != 0, op, ": ", name, " ", w.shape(), " ", w.dtype(),
        " must be a quantized matrix");
}

// Where the weight of row r and column k of a unit lies: a byte, and for 4 bits its half.
int64_t byte_of(int bits, int64_t r, int64_t k) {
  if (bits == 8) return kScales + k / 4 * 64 + r * 4 + k % 4;
  return kScales + (k / 32 * 4 + k % 16 / 4) * 64 + r * 4 + k % 4;
}
int half_of(int64_t k) {
  return k % 32 >= 16 ? 4 : 0;
}

// Quantizes up to 32 weights of row r, those from column k of the unit on.
void quantize_group(uint8_t* unit, int bits, int64_t r, int64_t k, const float* w, int64_t n) {
  float most = 0;
  for (int64_t i = 0; i < n; ++i)
    if (std::fabs(w[i]) > std::fabs(most)) most = w[i];
  const float scale = bits == 8 ? std::fabs(most) / 127 : most / -8;
  check(std::fabs(scale) < 65504, "quantize_weight: a weight of ", most, " is too large");
  const float inverse = scale != 0 ? 1 / scale : 0;
  const uint16_t half = to_half(scale);
  std::memcpy(unit + (k / 32 * kQuantRows + r) * 2, &half, 2);
  for (int64_t i = 0; i < kQuantGroup; ++i) {
    const float x = i < n ? w[i] * inverse : 0;
    uint8_t* at = unit + byte_of(bits, r, k + i);
    if (bits == 8)
      *at = uint8_t(int(std::round(x)) + 128);
    else
      *at = uint8_t(*at | std::min(15, int(x + 8.5f)) << half_of(k + i));
  }
}

}  // namespace

Shape quantized_shape(const Shape& w, int bits) {
  check(w.rank() == 2, "quantize_weight: w ", w, " must be a matrix");
  check(bits == 8 || bits == 4, "quantize_weight: bits ", bits, " must be 8 or 4");
  return Shape{ceil_div(w[0], kQuantRows), ceil_div(w[1], kQuantColumns), quant_unit(bits)};
}

int quantized_bits(const Tensor& w) {
  if (!w.defined() || w.dtype() != DType::u8 || w.shape().rank() != 3) return 0;
  for (int bits : {8, 4})
    if (w.dim(2) == quant_unit(bits)) return bits;
  return 0;
}

void quantize_weight(Tensor& quantized, const Tensor& w) {
  const char* op = "quantize_weight";
  check_matrix(op, "w", w);
  check_tensor(op, "w", w, w.shape(), DType::f32);
  check_quantized(op, "quantized", quantized);
  check_tensor(op, "quantized", quantized, quantized_shape(w.shape(), quantized_bits(quantized)),
               DType::u8);
  check_same_device(op, w, quantized);
  GPTE_DISPATCH_CPU(op, w.device(), quantize_weight(quantized, w));
}

void quantized_embedding_forward(Tensor& y, const Tensor& tokens, const Tensor& positions,
                                 const Tensor& wte, const Tensor& wpe) {
  const char* op = "quantized_embedding_forward";
  check_rank(op, "y", y, 2);
  const int64_t N = y.dim(0), C = y.dim(1);
  check_tensor(op, "tokens", tokens, {N}, DType::i32);
  check_quantized(op, "wte", wte);
  check_tensor(op, "wte", wte,
               {wte.dim(0), ceil_div(C, kQuantColumns), quant_unit(quantized_bits(wte))},
               DType::u8);
  if (wpe.defined()) {
    check_rank(op, "wpe", wpe, 2);
    check_tensor(op, "wpe", wpe, {wpe.dim(0), C}, y.dtype());
    check_tensor(op, "positions", positions, {N}, DType::i32);
  }
  check_same_device(op, y, tokens, wte, positions, wpe);
  GPTE_DISPATCH_CPU(op, y.device(), quantized_embedding_forward(y, tokens, positions, wte, wpe));
}

namespace cpu {

void quantize_weight(Tensor& quantized, const Tensor& w) {
  const int bits = quantized_bits(quantized);
  const int64_t O = w.dim(0), K = w.dim(1), units = quantized.dim(1);
  quantized.zero();
  parallel_for(quantized.dim(0), 1, [&](int64_t group, int64_t) {
    uint8_t* unit = quantized.data<uint8_t>() + group * units * quant_unit(bits);
    for (int64_t u = 0; u < units; ++u, unit += quant_unit(bits))
      for (int64_t r = 0; r < kQuantRows; ++r)
        for (int64_t k = 0; k < kQuantColumns; k += kQuantGroup) {
          const int64_t o = group * kQuantRows + r, from = u * kQuantColumns + k;
          const int64_t n = o < O ? std::clamp<int64_t>(K - from, 0, kQuantGroup) : 0;
          quantize_group(unit, bits, r, k, w.data<float>() + std::min(o, O - 1) * K + from, n);
        }
  });
}

void quantized_embedding_forward(Tensor& y, const Tensor& tokens, const Tensor& positions,
                                 const Tensor& wte, const Tensor& wpe) {
  const char* op = "quantized_embedding_forward";
  check_indices(op, "tokens", tokens, wte.dim(0) * kQuantRows);
  if (wpe.defined()) check_indices(op, "positions", positions, wpe.dim(0));
  const int bits = quantized_bits(wte);
  const int64_t N = y.dim(0), C = y.dim(1), units = wte.dim(1);
  visit_float(op, y.dtype(), [&](auto type) {
    using T = typename decltype(type)::type;
    for (int64_t n = 0; n < N; ++n) {
      const int64_t token = tokens.data<int32_t>()[n], r = token % kQuantRows;
      const uint8_t* unit = wte.data<uint8_t>() + token / kQuantRows * units * quant_unit(bits);
      T* row = y.data<T>() + n * C;
      const T* place = wpe.defined() ? wpe.data<T>() + positions.data<int32_t>()[n] * C : nullptr;
      for (int64_t c = 0; c < C; ++c) {
        const int64_t k = c % kQuantColumns;
        if (c && k == 0) unit += quant_unit(bits);
        uint16_t half;
        std::memcpy(&half, unit + (k / 32 * kQuantRows + r) * 2, 2);
        const int byte = unit[byte_of(bits, r, k)];
        const int q = bits == 8 ? byte - 128 : (byte >> half_of(k) & 15) - 8;
        const float value = from_half(half) * float(q);
        row[c] = T(place ? value + float(place[c]) : value);
      }
    }
  });
}

template <class T>
void multiply_quantized(int64_t M, int64_t O, int64_t K, const T* x, const Tensor& w, float* sum,
                        int64_t ld_sum, const GemmEpilogue<T>& epilogue) {
  constexpr int64_t kRows = 256;       // of x at a time: their bytes stay in L2
  constexpr int64_t kBytes = 1 << 17;  // of weights a chunk: a long stream, and even work
  const auto& kernel = kernels().quantized.get<T>();
  const int bits = quantized_bits(w);
  const int64_t units = w.dim(1), unit = quant_unit(bits), all = w.dim(0);
  const int64_t few = std::min(M, kRows), padded = units * kQuantColumns;
  auto* bytes = scratch<int8_t>(Scratch::gemm_a, few * padded + few * units * 16);
  auto* groups = reinterpret_cast<QuantGroup*>(bytes + few * padded);
  const int64_t step = even_grain(all, std::max<int64_t>(1, kBytes / (units * unit)));
  for (int64_t m0 = 0; m0 < M; m0 += kRows) {
    const int64_t rows = std::min(kRows, M - m0);
    parallel_for(rows, 8, [&](int64_t begin, int64_t end) {
      kernel.quantize_inputs(bytes + begin * padded, groups + begin * units * 2,
                             x + (m0 + begin) * K, end - begin, K, quant_offset(bits));
    });
    parallel_for(all, step, [&](int64_t begin, int64_t end) {
      const int64_t column = begin * kQuantRows;
      QuantProduct<T> p;
      p.bits = bits;
      p.M = rows;
      p.groups = end - begin;
      p.units = units;
      p.w = w.data<uint8_t>() + begin * units * unit;
      p.x = bytes;
      p.x_groups = groups;
      p.columns = O - column;
      p.sum = at(sum, m0 * ld_sum + column);
      p.ld_sum = ld_sum;
      p.epilogue = epilogue_at(epilogue, m0, column);
      kernel.multiply(p);
    });
  }
}

template void multiply_quantized<float>(int64_t, int64_t, int64_t, const float*, const Tensor&,
                                        float*, int64_t, const GemmEpilogue<float>&);
template void multiply_quantized<bf16>(int64_t, int64_t, int64_t, const bf16*, const Tensor&,
                                       float*, int64_t, const GemmEpilogue<bf16>&);

}  // namespace cpu
}  // namespace gpte
