#include "kernels/cache_rows.h"

#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

typedef int8_t ByteVec __attribute__((vector_size(kLanes)));

template <class To, class From>
GPTE_INLINE void convert(To* to, const From* from, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes) store_n(to + i, load_n(from + i, n - i), n - i);
}

template <class T, class Kept>
struct Floats {
  static void store(void* to, const T* row, int64_t D) { convert(static_cast<Kept*>(to), row, D); }
  static void widen(T* to, const void* from, int64_t rows, int64_t D) {
    convert(to, static_cast<const Kept*>(from), rows * D);
  }
};

template <class T>
struct Bytes {
  static void store(void* to, const T* row, int64_t D) {
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
        const ByteVec bytes = __builtin_convertvector(nearest(v), ByteVec);
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
    for (int64_t r = 0; r < rows; ++r, row += size, to += D)
      for (int64_t c = 0; c < D; c += kLanes) {
        float scale;
        memcpy(&scale, row + c / kCacheGroup * int64_t(sizeof(scale)), sizeof(scale));
        ByteVec bytes = {};
        const char* q = row + size - D + c;
        if (D - c >= kLanes)
          memcpy(&bytes, q, sizeof(bytes));
        else
          memcpy(&bytes, q, size_t(D - c));
        const Vec x = __builtin_convertvector(__builtin_convertvector(bytes, IntVec), Vec);
        store_n(to + c, x * scale, D - c);
      }
  }
};

template <class T>
constexpr CacheKernels<T> kKernels = {
    {Floats<T, float>::store, Floats<T, float>::widen},
    {Floats<T, bf16>::store, Floats<T, bf16>::widen},
    {Bytes<T>::store, Bytes<T>::widen},
};

}  // namespace

extern const CacheKernels<float> cache_f32 = kKernels<float>;
extern const CacheKernels<bf16> cache_bf16 = kKernels<bf16>;

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
