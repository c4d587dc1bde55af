// How a cache of keys and values keeps a row of D elements in another type than attention computes
// in: it is converted when it is written, and a tile is widened when it is read.
//   float32, bfloat16   D elements, rounded to nearest
//   q8                  a float32 scale for each group of 32, the last may be shorter, then D
//   bytes:
//                       x = scale q with scale = max |x| / 127, q = round(x / scale)
// A row has the same bits whatever is written or read beside it. A group with a value that is not
// finite reads as NaN.
#pragma once

#include <stdint.h>

namespace gpte {

constexpr int64_t kCacheGroup = 32;

// Bytes of a q8 row.
inline __attribute__((always_inline)) int64_t q8_row_bytes(int64_t D) {
  return (D + kCacheGroup - 1) / kCacheGroup * int64_t(sizeof(float)) + D;
}

template <class T>
struct CacheRows {
  void (*keep)(void* to, const T* row, int64_t D);
  void (*widen)(T* to, const void* from, int64_t rows, int64_t D);  // rows end to end, both
};

template <class T>
struct CacheKernels {
  CacheRows<T> f32, bf16, q8;
};

}  // namespace gpte
