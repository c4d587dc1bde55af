// The vector of floats that one instruction set offers, by GCC/Clang vector extensions, and the few
// functions that need more than arithmetic. Compiled once per instruction set, each in its own
// namespace: only C headers, and everything forced inline, so that no copy built for a newer
// processor can be linked into code that runs on an older one.
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "core/bf16.h"

#ifndef GPTE_ISA_NAMESPACE
#define GPTE_ISA_NAMESPACE isa_base
#endif

namespace gpte {
namespace GPTE_ISA_NAMESPACE {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef int32_t IntVec __attribute__((vector_size(kLanes * 4)));
typedef uint16_t HalfVec __attribute__((vector_size(kLanes * 2)));

// `x - Vec{}` folds to one broadcast instruction; `Vec{} + x` does not, because of -0.0.
GPTE_INLINE Vec splat(float x) {
  return x - Vec{};
}

GPTE_INLINE Vec load(const float* p) {
  Vec v;
  memcpy(&v, p, sizeof(v));
  return v;
}
GPTE_INLINE void store(float* p, Vec v) {
  memcpy(p, &v, sizeof(v));
}

// 16-bit numbers without a sign, from and to lanes of 32 bits. GCC converts vectors of AVX2 in many
// steps.
GPTE_INLINE IntVec widen(HalfVec h) {
#if defined(__AVX2__) && !defined(__AVX512F__)
  return (IntVec)_mm256_cvtepu16_epi32((__m128i)h);
#else
  return __builtin_convertvector(h, IntVec);
#endif
}
GPTE_INLINE HalfVec narrow(IntVec v) {
#if defined(__AVX2__) && !defined(__AVX512F__)
  const __m256i wide = (__m256i)v;
  return (HalfVec)_mm_packus_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
#else
  return __builtin_convertvector(v, HalfVec);
#endif
}

// The low bytes of numbers from -128 to 127.
typedef int8_t NumberBytes __attribute__((vector_size(kLanes)));
GPTE_INLINE NumberBytes narrow_bytes(IntVec v) {
#if defined(__AVX2__) && !defined(__AVX512F__)
  const __m256i wide = (__m256i)v;
  const __m128i half =
      _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  const __m128i bytes = _mm_packs_epi16(half, half);
  NumberBytes b;
  memcpy(&b, &bytes, sizeof(b));
  return b;
#else
  return __builtin_convertvector(v, NumberBytes);
#endif
}

GPTE_INLINE Vec load(const bf16* p) {
  HalfVec h;
  memcpy(&h, p, sizeof(h));
  return (Vec)(widen(h) << 16);
}
// Two bf16 neighbours a word, and what they are as floats.
typedef uint32_t Bits __attribute__((vector_size(kLanes * 4)));
GPTE_INLINE Vec load_pairs(const bf16* p) {
  Vec v;
  memcpy(&v, p, sizeof(v));
  return v;
}
GPTE_INLINE Vec first_of(Vec pairs) {
  return (Vec)((Bits)pairs << 16);
}
GPTE_INLINE Vec second_of(Vec pairs) {
  return (Vec)((Bits)pairs & 0xffff0000u);
}
// Rounds to nearest even like bf16(float), for all but NaN, which stays NaN.
GPTE_INLINE void store(bf16* p, Vec v) {
#if defined(__AVX512BF16__)
  const __m256bh h = _mm512_cvtneps_pbh((__m512)v);
  memcpy(p, &h, sizeof(h));
#else
  typedef uint32_t Words __attribute__((vector_size(kLanes * 4)));
  const Words u = (Words)v;
  const Words nearest = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  const Words is_nan = (Words)((IntVec)(u & 0x7fffffffu) > 0x7f800000);
  const HalfVec h = narrow((IntVec)((is_nan & ((u >> 16) | 0x40u)) | (~is_nan & nearest)));
  memcpy(p, &h, sizeof(h));
#endif
}

// The first n < kLanes elements; the rest read as zero and are not written.
#if defined(__AVX512F__)
GPTE_INLINE Vec load_part(const float* p, int64_t n) {
  return (Vec)_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p);
}
GPTE_INLINE void store_part(float* p, Vec v, int64_t n) {
  _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), (__m512)v);
}
GPTE_INLINE Vec load_part(const bf16* p, int64_t n) {
  const __m256i h = _mm256_maskz_loadu_epi16(__mmask16((1u << n) - 1), p);
  return (Vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16);
}
GPTE_INLINE void store_part(bf16* p, Vec v, int64_t n) {
  bf16 part[kLanes];
  store(part, v);
  __m256i h;
  memcpy(&h, part, sizeof(h));
  _mm256_mask_storeu_epi16(p, __mmask16((1u << n) - 1), h);
}
#else
template <class T>
GPTE_INLINE Vec load_part(const T* p, int64_t n) {
  T part[kLanes];
  memset(part, 0, sizeof(part));
  for (int64_t i = 0; i < n; ++i) part[i] = p[i];
  return load(part);
}
template <class T>
GPTE_INLINE void store_part(T* p, Vec v, int64_t n) {
  T part[kLanes];
  store(part, v);
  for (int64_t i = 0; i < n; ++i) p[i] = part[i];
}
#endif

// One vector of a row of which n elements are left.
template <class T>
GPTE_INLINE Vec load_n(const T* p, int64_t n) {
  return n >= kLanes ? load(p) : load_part(p, n);
}
template <class T>
GPTE_INLINE void store_n(T* p, Vec v, int64_t n) {
  if (n >= kLanes)
    store(p, v);
  else
    store_part(p, v, n);
}

// The value that a stored v reads back as.
template <class T>
GPTE_INLINE Vec as_stored(Vec v) {
  if (sizeof(T) == sizeof(float)) return v;
  T part[kLanes];
  store(part, v);
  return load(part);
}

// a > b ? a : b and a < b ? a : b, so b where one is NaN: what the instruction does, which the
// compiler does not see.
#if defined(__AVX512F__)
GPTE_INLINE Vec vmax(Vec a, Vec b) {
  return (Vec)_mm512_max_ps((__m512)a, (__m512)b);
}
GPTE_INLINE Vec vmin(Vec a, Vec b) {
  return (Vec)_mm512_min_ps((__m512)a, (__m512)b);
}
#elif defined(__AVX2__)
GPTE_INLINE Vec vmax(Vec a, Vec b) {
  return (Vec)_mm256_max_ps((__m256)a, (__m256)b);
}
GPTE_INLINE Vec vmin(Vec a, Vec b) {
  return (Vec)_mm256_min_ps((__m256)a, (__m256)b);
}
#else
GPTE_INLINE Vec vmax(Vec a, Vec b) {
  return a > b ? a : b;
}
GPTE_INLINE Vec vmin(Vec a, Vec b) {
  return a < b ? a : b;
}
#endif

GPTE_INLINE Vec vsqrt(Vec x) {
#if defined(__AVX512F__)
  return (Vec)_mm512_sqrt_ps((__m512)x);
#else
  for (int i = 0; i < kLanes; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

// The nearest integers, ties to even. A sum that leaves no bits behind the point would do it too,
// but fused with the product before it, it rounds otherwise.
GPTE_INLINE IntVec nearest(Vec x) {
#if defined(__AVX512F__)
  return (IntVec)_mm512_cvtps_epi32((__m512)x);
#elif defined(__AVX2__)
  return (IntVec)_mm256_cvtps_epi32((__m256)x);
#else
  IntVec n;
  for (int i = 0; i < kLanes; ++i) n[i] = int32_t(__builtin_lrintf(x[i]));
  return n;
#endif
}

// Lane sums as a tree: the order is fixed for a given number of lanes.
GPTE_INLINE float reduce_sum(Vec v) {
  float lane[kLanes];
  memcpy(lane, &v, sizeof(lane));
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  return lane[0];
}
GPTE_INLINE float reduce_max(Vec v) {
  float lane[kLanes];
  memcpy(lane, &v, sizeof(lane));
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lane[i] = lane[i] > lane[i + width] ? lane[i] : lane[i + width];
  return lane[0];
}

// Lanes of a and b, counted on from a to b, by index.
template <int... kIndex>
GPTE_INLINE Vec shuffle(Vec a, Vec b) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, kIndex...);
#else
  return __builtin_shuffle(a, b, IntVec{kIndex...});
#endif
}

// The first (second) halves of a and b, lane by lane in turn.
GPTE_INLINE Vec zip_first(Vec a, Vec b) {
#if defined(__AVX512F__)
  return shuffle<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(a, b);
#elif defined(__AVX2__)
  return shuffle<0, 8, 1, 9, 2, 10, 3, 11>(a, b);
#else
  return shuffle<0, 4, 1, 5>(a, b);
#endif
}
GPTE_INLINE Vec zip_second(Vec a, Vec b) {
#if defined(__AVX512F__)
  return shuffle<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(a, b);
#elif defined(__AVX2__)
  return shuffle<4, 12, 5, 13, 6, 14, 7, 15>(a, b);
#else
  return shuffle<2, 6, 3, 7>(a, b);
#endif
}

// The even (odd) lanes of a, then those of b: what zips put together.
GPTE_INLINE Vec even_lanes(Vec a, Vec b) {
#if defined(__AVX512F__)
  return shuffle<0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30>(a, b);
#elif defined(__AVX2__)
  return shuffle<0, 2, 4, 6, 8, 10, 12, 14>(a, b);
#else
  return shuffle<0, 2, 4, 6>(a, b);
#endif
}
GPTE_INLINE Vec odd_lanes(Vec a, Vec b) {
#if defined(__AVX512F__)
  return shuffle<1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31>(a, b);
#elif defined(__AVX2__)
  return shuffle<1, 3, 5, 7, 9, 11, 13, 15>(a, b);
#else
  return shuffle<1, 3, 5, 7>(a, b);
#endif
}

#if defined(__AVX2__) && !defined(__AVX512F__)
// Squares of 2, then of 4, then of 8: half the instructions of the general way below.
GPTE_INLINE void transpose(Vec (&x)[kLanes]) {
  Vec y[kLanes];
  for (int i = 0; i < kLanes; i += 2) {
    y[i] = shuffle<0, 8, 1, 9, 4, 12, 5, 13>(x[i], x[i + 1]);
    y[i + 1] = shuffle<2, 10, 3, 11, 6, 14, 7, 15>(x[i], x[i + 1]);
  }
  for (int i = 0; i < kLanes; i += 4)
    for (int j = 0; j < 2; ++j) {
      x[i + 2 * j] = shuffle<0, 1, 8, 9, 4, 5, 12, 13>(y[i + j], y[i + 2 + j]);
      x[i + 2 * j + 1] = shuffle<2, 3, 10, 11, 6, 7, 14, 15>(y[i + j], y[i + 2 + j]);
    }
  for (int i = 0; i < 4; ++i) {
    y[i] = shuffle<0, 1, 2, 3, 8, 9, 10, 11>(x[i], x[i + 4]);
    y[i + 4] = shuffle<4, 5, 6, 7, 12, 13, 14, 15>(x[i], x[i + 4]);
  }
  for (int i = 0; i < kLanes; ++i) x[i] = y[i];
}
#else
// A perfect shuffle of the rows, log2(kLanes) times, transposes the square.
GPTE_INLINE void transpose(Vec (&x)[kLanes]) {
  constexpr int kHalf = kLanes / 2;
  Vec y[kLanes];
  for (int round = 1; round < kLanes; round *= 2) {
    for (int i = 0; i < kHalf; ++i)
      y[2 * i] = zip_first(x[i], x[i + kHalf]), y[2 * i + 1] = zip_second(x[i], x[i + kHalf]);
    for (int i = 0; i < kLanes; ++i) x[i] = y[i];
  }
}
#endif

// Lane i of the result is op over all lanes of x[i], in a fixed tree.
template <class Op>
GPTE_INLINE Vec reduce_rows(Vec (&x)[kLanes], Op op) {
  for (int half = kLanes / 2; half; half /= 2)
    for (int i = 0; i < half; ++i)
      x[i] = op(zip_first(x[i], x[i + half]), zip_second(x[i], x[i + half]));
  return x[0];
}

// e^x: range reduction by ln 2 in two parts, then a degree-5 polynomial on [-ln2/2, ln2/2]
// (coefficients of Cephes expf, S. Moshier). Relative error below 1e-7; 0 below -87.3, and NaN
// stays NaN. The rounding by adding 1.5 * 2^23 is exact arithmetic: never compile this with
// -ffast-math.
GPTE_INLINE Vec vexp(Vec x) {
  const Vec clamped = vmin(x < -87.3f ? splat(-87.3f) : x, splat(88.3f));
  const Vec rounded = clamped * 1.44269504f + 12582912.f;
  const IntVec n = (IntVec)rounded;
  const Vec k = rounded - 12582912.f;
  const Vec r = clamped - k * 0.693359375f + k * 2.12194440e-4f;
  Vec p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  const Vec y = (Vec)((IntVec)p + (n << 23));
  return x < -87.3f ? Vec{} : (x != x ? x : y);
}

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
