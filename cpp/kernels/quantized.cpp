#include "kernels/quantized.h"

#include "kernels/epilogue.h"
#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

constexpr int64_t kParts = kQuantRows / kLanes;  // vectors that a column of 16 rows takes
// Rows of x that share a reading of the weights: as many sums as registers hold.
#if defined(__AVX512F__)
constexpr int kTile = 8;
#elif defined(__AVX2__) || defined(__aarch64__)
constexpr int kTile = 4;
#else
constexpr int kTile = 2;
#endif
// How many bytes ahead of one row's product its weights are asked for; 0: the processor foresees
// them (where AVX-512 was measured, asking made it slower).
constexpr int64_t kAhead = kLanes == 8 ? 2048 : 0;

GPTE_INLINE IntVec load_ints(const void* p) {
  IntVec v;
  memcpy(&v, p, sizeof(v));
  return v;
}
GPTE_INLINE int32_t word(const int8_t* p) {
  int32_t w;
  memcpy(&w, p, sizeof(w));
  return w;
}
GPTE_INLINE IntVec splat_int(int32_t x) {
  return x - IntVec{};
}

// float16 to float32: the exponent's bias is moved by a product, which also serves subnormals.
GPTE_INLINE Vec load_halves(const uint8_t* p) {
#if defined(__AVX512F__)
  __m256i h;
  memcpy(&h, p, sizeof(h));
  return (Vec)_mm512_cvtph_ps(h);
#elif defined(__AVX2__)
  __m128i h;
  memcpy(&h, p, sizeof(h));
  return (Vec)_mm256_cvtph_ps(h);
#else
  HalfVec h;
  memcpy(&h, p, sizeof(h));
  const IntVec u = widen(h);
  const Vec size = (Vec)((u & 0x7fff) << 13) * 0x1p112f;
  return (Vec)((IntVec)size | (u & 0x8000) << 16);
#endif
}

// The products of one half of a unit: dot[m] becomes, lane by lane, the sum over 32 of K of the
// bytes of w, less or more an offset, and those of row m of x. `bytes` is the first vector.
#if defined(__AVX2__) && !defined(__AVX512VNNI__)
// Products of bytes come in pairs of 16 bits, of an unsigned and a signed one.
#if defined(__AVX512BW__)
GPTE_INLINE IntVec add_pairs(IntVec a, IntVec b) {
  return (IntVec)_mm512_add_epi16((__m512i)a, (__m512i)b);
}
GPTE_INLINE IntVec multiply_bytes(IntVec w, IntVec x) {
  return (IntVec)_mm512_maddubs_epi16((__m512i)w, (__m512i)x);
}
GPTE_INLINE IntVec sum_pairs(IntVec a) {
  return (IntVec)_mm512_madd_epi16((__m512i)a, _mm512_set1_epi16(1));
}
GPTE_INLINE IntVec size_of_bytes(IntVec a) {
  return (IntVec)_mm512_abs_epi8((__m512i)a);
}
GPTE_INLINE IntVec with_sign(IntVec x, IntVec w) {
  const __mmask64 negative = _mm512_movepi8_mask((__m512i)w);
  return (IntVec)_mm512_mask_sub_epi8((__m512i)x, negative, __m512i{}, (__m512i)x);
}
#else
GPTE_INLINE IntVec add_pairs(IntVec a, IntVec b) {
  return (IntVec)_mm256_add_epi16((__m256i)a, (__m256i)b);
}
GPTE_INLINE IntVec multiply_bytes(IntVec w, IntVec x) {
  return (IntVec)_mm256_maddubs_epi16((__m256i)w, (__m256i)x);
}
GPTE_INLINE IntVec sum_pairs(IntVec a) {
  return (IntVec)_mm256_madd_epi16((__m256i)a, _mm256_set1_epi16(1));
}
GPTE_INLINE IntVec size_of_bytes(IntVec a) {
  return (IntVec)_mm256_abs_epi8((__m256i)a);
}
GPTE_INLINE IntVec with_sign(IntVec x, IntVec w) {
  return (IntVec)_mm256_sign_epi8((__m256i)x, (__m256i)w);
}
#endif

// Whole numbers may be added in any order, and GCC's keeps more products alive than there are
// registers: it must not see that another order changes nothing.
GPTE_INLINE void hold(IntVec& v) {
  asm("" : "+v"(v));
}

// |q| <= 127: a pair is at most 2 * 127 * 127, which 16 bits hold once, but not twice.
template <int kBits, int M>
struct Half {
  static constexpr bool kOffset = false;  // these weights have their signs
  static GPTE_INLINE void dot(IntVec (&dot)[M], const uint8_t* bytes, const int8_t* x, int64_t ld) {
    for (IntVec& d : dot) d = IntVec{};
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) {
      const IntVec w = load_ints(bytes + 64 * j) ^ splat_int(int32_t(0x80808080));
      const IntVec size = size_of_bytes(w);
      for (int m = 0; m < M; ++m) {
        dot[m] +=
            sum_pairs(multiply_bytes(size, with_sign(splat_int(word(x + m * ld + 4 * j)), w)));
        hold(dot[m]);
      }
    }
  }
};
// q + 8 <= 15: the 8 pairs of a group add up to at most 8 * 2 * 15 * 127, which 16 bits hold.
template <int M>
struct Half<4, M> {
  static constexpr bool kOffset = true;
  static GPTE_INLINE void dot(IntVec (&dot)[M], const uint8_t* bytes, const int8_t* x, int64_t ld) {
    for (IntVec& d : dot) d = IntVec{};
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const IntVec w = load_ints(bytes + 64 * j);
      const IntVec low = w & 0x0f0f0f0f, high = w >> 4 & 0x0f0f0f0f;
      for (int m = 0; m < M; ++m) {
        const int8_t* from = x + m * ld + 4 * j;
        dot[m] = add_pairs(dot[m], multiply_bytes(low, splat_int(word(from))));
        dot[m] = add_pairs(dot[m], multiply_bytes(high, splat_int(word(from + 16))));
        hold(dot[m]);
      }
    }
    for (IntVec& d : dot) d = sum_pairs(d);
  }
};
#else
// sum + the products of the four unsigned bytes in each lane of w with the four signed ones of x.
GPTE_INLINE IntVec dot4(IntVec sum, IntVec w, int32_t x) {
#if defined(__AVX512VNNI__)
  return (IntVec)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)w, _mm512_set1_epi32(x));
#else
  for (int i = 0; i < 4; ++i) sum += (w >> 8 * i & 255) * int32_t(int8_t(uint32_t(x) >> 8 * i));
  return sum;
#endif
}

template <int kBits, int M>
struct Half {
  static constexpr bool kOffset = true;
  static GPTE_INLINE void dot(IntVec (&dot)[M], const uint8_t* bytes, const int8_t* x, int64_t ld) {
    for (IntVec& d : dot) d = IntVec{};
#pragma GCC unroll 8
    for (int j = 0; j < kBits; ++j) {
      const IntVec w = load_ints(bytes + 64 * j);
      for (int m = 0; m < M; ++m) {
        const int8_t* from = x + m * ld + 4 * j;
        if constexpr (kBits == 8) {
          dot[m] = dot4(dot[m], w, word(from));
        } else {
          dot[m] = dot4(dot[m], w & 0x0f0f0f0f, word(from));
          dot[m] = dot4(dot[m], w >> 4 & 0x0f0f0f0f, word(from + 16));
        }
      }
    }
  }
};
#endif

// The kP vectors of outputs from row `first` of a group of w on, for M rows of x.
template <int kBits, int M, int kP>
GPTE_INLINE void multiply_rows(Vec (&sum)[kP][M], const uint8_t* w, int64_t first, int64_t units,
                               const int8_t* x, const QuantGroup* groups) {
  constexpr int64_t kUnit = 64 + kQuantRows * kQuantColumns * kBits / 8;
  const int64_t ld = units * kQuantColumns, ld_groups = units * 2;
  for (int p = 0; p < kP; ++p)
    for (Vec& s : sum[p]) s = Vec{};
  for (int64_t u = 0; u < units; ++u, w += kUnit, x += kQuantColumns, groups += 2) {
    if (kAhead && M == 1)
      for (int64_t i = 0; i < kUnit; i += 64) __builtin_prefetch(w + kAhead + i);
    for (int half = 0; half < 2; ++half)
      for (int p = 0; p < kP; ++p) {
        const int64_t row = first + p * kLanes;
        const Vec scale = load_halves(w + (half * kQuantRows + row) * 2);
        IntVec dot[M];
        Half<kBits, M>::dot(dot, w + 64 + half * kBits * 64 + row * 4, x + half * kQuantGroup, ld);
        for (int m = 0; m < M; ++m) {
          const QuantGroup g = groups[m * ld_groups + half];
          const IntVec exact = Half<kBits, M>::kOffset ? dot[m] - splat_int(g.offset) : dot[m];
          sum[p][m] += scale * g.scale * __builtin_convertvector(exact, Vec);
        }
      }
  }
}

template <class T, int kBits, int M>
void multiply_tile(const QuantProduct<T>& p, const uint8_t* w, int64_t m, int64_t column) {
  constexpr int kP = M == 1 ? kParts : 1;  // one row alone reads the weights in one stream
  for (int64_t part = 0; part < kParts; part += kP) {
    Vec sum[kP][M];
    multiply_rows<kBits, M, kP>(sum, w, part * kLanes, p.units, p.x + m * p.units * kQuantColumns,
                                p.x_groups + m * p.units * 2);
    for (int v = 0; v < kP; ++v, column += kLanes) {
      const int64_t left = p.columns - column;
      if (left <= 0) return;
      for (int i = 0; i < M; ++i) {
        if (p.sum)
          store_n(p.sum + (m + i) * p.ld_sum + column, sum[v][i], left);
        else
          apply_epilogue(p.epilogue, sum[v][i], (m + i) * p.epilogue.ld + column, column, left);
      }
    }
  }
}

template <class T, int kBits, int M = kTile>
GPTE_INLINE void multiply_last(const QuantProduct<T>& p, const uint8_t* w, int64_t m,
                               int64_t column) {
  if (p.M - m >= M)
    multiply_tile<T, kBits, M>(p, w, m, column);
  else if constexpr (M > 1)
    multiply_last<T, kBits, M - 1>(p, w, m, column);
}

template <class T, int kBits>
void multiply_bits(const QuantProduct<T>& p) {
  const uint8_t* w = p.w;
  for (int64_t g = 0; g < p.groups; ++g, w += p.units * quant_unit(kBits))
    for (int64_t m = 0; m < p.M; m += kTile) multiply_last<T, kBits>(p, w, m, g * kQuantRows);
}

template <class T>
void multiply(const QuantProduct<T>& p) {
  if (p.bits == 8)
    multiply_bits<T, 8>(p);
  else
    multiply_bits<T, 4>(p);
}

// Vector i of the group at x, of which n elements are there.
template <class T>
GPTE_INLINE Vec group_part(const T* x, int64_t i, int64_t n) {
  const int64_t left = n - i * kLanes;
  return left > 0 ? load_n(x + i * kLanes, left) : Vec{};
}

// kLanes groups at a time, a lane for each.
template <class T>
void quantize_inputs(int8_t* bytes, QuantGroup* groups, const T* x, int64_t M, int64_t K,
                     int32_t offset) {
  constexpr int64_t kVecs = kQuantGroup / kLanes;
  const int64_t count = (K + kQuantColumns - 1) / kQuantColumns * (kQuantColumns / kQuantGroup);
  for (int64_t m = 0; m < M; ++m, x += K)
    for (int64_t g0 = 0; g0 < count; g0 += kLanes) {
      const int64_t n = count - g0 < kLanes ? count - g0 : kLanes;
      Vec top[kLanes] = {}, sum[kLanes] = {};
      for (int64_t g = 0; g < n; ++g)
        for (int64_t i = 0; i < kVecs; ++i) {
          const int64_t k = (g0 + g) * kQuantGroup;
          const Vec v = group_part(x + k, i, K - k);
          top[g] = vmax(top[g], v < 0.f ? -v : v);
        }
      const Vec most = reduce_rows(top, [](Vec a, Vec b) { return vmax(a, b); });
      float scale[kLanes], inverse[kLanes];
      store(scale, most / 127.f);
      store(inverse, most > 0.f ? 127.f / most : Vec{});
      for (int64_t g = 0; g < n; ++g, bytes += kQuantGroup)
        for (int64_t i = 0; i < kVecs; ++i) {
          const int64_t k = (g0 + g) * kQuantGroup;
          const IntVec q = nearest(group_part(x + k, i, K - k) * inverse[g]);
          const NumberBytes b = narrow_bytes(q);
          memcpy(bytes + i * kLanes, &b, sizeof(b));
          sum[g] = (Vec)((IntVec)sum[g] + q);
        }
      const auto add = [](Vec a, Vec b) { return (Vec)((IntVec)a + (IntVec)b); };
      const IntVec sums = (IntVec)reduce_rows(sum, add) * offset;
      for (int64_t g = 0; g < n; ++g) *groups++ = {scale[g], sums[g]};
    }
}

}  // namespace

extern const QuantizedKernels<float> quantized_f32 = {quantize_inputs<float>, multiply<float>};
extern const QuantizedKernels<bf16> quantized_bf16 = {quantize_inputs<bf16>, multiply<bf16>};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
