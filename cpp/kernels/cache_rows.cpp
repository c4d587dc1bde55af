#include "kernels/cache_rows.h"

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

// kLanes bytes as floats: compilers take a widening of so few bytes apart.
GPTE_INLINE Vec load_bytes(const int8_t* p) {
#if defined(__AVX512F__)
  return (Vec)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i*)p)));
#elif defined(__AVX2__)
  return (Vec)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p)));
#else
  NumberBytes bytes;
  memcpy(&bytes, p, sizeof(bytes));
  return __builtin_convertvector(__builtin_convertvector(bytes, IntVec), Vec);
#endif
}

template <class To, class From>
GPTE_INLINE void convert(To* to, const From* from, int64_t n) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(to + i, load(from + i));
  if (i < n) store_part(to + i, load_part(from + i, n - i), n - i);
}

template <class T, class Kept>
struct Floats {
  static void keep(void* to, const T* row, int64_t D) { convert(static_cast<Kept*>(to), row, D); }
  static void widen(T* to, const void* from, int64_t rows, int64_t D) {
    convert(to, static_cast<const Kept*>(from), rows * D);
  }
};

template <class T>
struct Bytes {
  static void keep(void* to, const T* row, int64_t D) {
    char *scale_to = static_cast<char*>(to), *byte_to = scale_to + q8_row_bytes(D) - D;
    for (; D > 0; D -= kCacheGroup, row += kCacheGroup, byte_to += kCacheGroup) {
      const int64_t n = D < kCacheGroup ? D : kCacheGroup;
      float x[kCacheGroup] = {};
      convert(x, row, n);
      Vec most = {}, bad = {};
      for (int64_t i = 0; i < kCacheGroup; i += kLanes) {
        const Vec v = load(x + i);
        most = vmax(v < 0.f ? -v : v, most);
        bad += v - v;  // 0, or NaN where v is not finite
      }
      const float scale = reduce_max(most) / 127 + reduce_sum(bad);
      int8_t q[kCacheGroup];
      for (int64_t i = 0; i < kCacheGroup; i += kLanes) {
        // Both ends also catch 0 / 0, and the quotients of a scale too small to be exact.
        const Vec v = vmax(vmin(load(x + i) / scale, splat(127.f)), splat(-127.f));
        const NumberBytes bytes = narrow_bytes(nearest(v));
        memcpy(q + i, &bytes, sizeof(bytes));
      }
      memcpy(scale_to, &scale, sizeof(scale));
      memcpy(byte_to, q, size_t(n));
      scale_to += sizeof(scale);
    }
  }

  static void widen(T* to, const void* from, int64_t rows, int64_t D) {
    const char* row = static_cast<const char*>(from);
    const int64_t size = q8_row_bytes(D);
    for (int64_t r = 0; r < rows; ++r, row += size, to += D) {
      const int8_t* q = reinterpret_cast<const int8_t*>(row + size - D);
      for (int64_t c = 0; c < D; c += kCacheGroup) {
        float scale;
        memcpy(&scale, row + c / kCacheGroup * int64_t(sizeof(scale)), sizeof(scale));
        if (D - c >= kCacheGroup) {
#pragma GCC unroll 8
          for (int64_t i = c; i < c + kCacheGroup; i += kLanes)
            store(to + i, load_bytes(q + i) * scale);
        } else {
          int8_t rest[kCacheGroup] = {};
          memcpy(rest, q + c, size_t(D - c));
          for (int64_t i = c; i < D; i += kLanes)
            store_n(to + i, load_bytes(rest + i - c) * scale, D - i);
        }
      }
    }
  }
};

template <class T>
constexpr CacheKernels<T> kKernels = {
    {Floats<T, float>::keep, Floats<T, float>::widen},
    {Floats<T, bf16>::keep, Floats<T, bf16>::widen},
    {Bytes<T>::keep, Bytes<T>::widen},
};

}  // namespace

extern const CacheKernels<float> cache_f32 = kKernels<float>;
extern const CacheKernels<bf16> cache_bf16 = kKernels<bf16>;

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
