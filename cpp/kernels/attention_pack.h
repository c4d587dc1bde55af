// How attention lays out the operands of its products: a word is one float, or where the processor
// multiplies pairs of bf16 two neighbours along the axis that the product sums over.
#pragma once

#include "kernels/attention_tile.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

constexpr int64_t kTile = kAttentionTile;

// The kLanes x kLanes square at (row, word) of a matrix, transposed into `to` (words, kTile).
template <class LoadWords>
GPTE_INLINE void pack_square(float* to, int64_t row, int64_t word, int64_t words, LoadWords load) {
  Vec x[kLanes];
  for (int i = 0; i < kLanes; ++i) x[i] = load(row + i, word);
  transpose(x);
  for (int i = 0; i < kLanes && word + i < words; ++i) store(to + (word + i) * kTile + row, x[i]);
}

struct Floats {
  static constexpr int kPerWord = 1;

  static GPTE_INLINE Vec multiply_add(Vec x, Vec row, Vec sum) { return sum + x * row; }

  // The words w, w+1, ... of a row, padded with zeros.
  template <class T>
  static GPTE_INLINE Vec words_of(const T* row, int64_t w, int64_t columns) {
    return load_n(row + w, columns - w);
  }
  // The words of columns c, c+1, ... down the rows of word r.
  template <class T>
  static GPTE_INLINE Vec words_down(const T* p, int64_t stride, int64_t r, int64_t, int64_t c,
                                    int64_t columns) {
    return load_n(p + r * stride + c, columns - c);
  }
  // A row of A, padded with zeros.
  template <class T>
  static GPTE_INLINE void pack_row(float* to, const T* from, int64_t columns) {
    for (int64_t c = 0; c < columns; c += kLanes) store(to + c, load_n(from + c, columns - c));
  }
  // B, the product summing over its rows at(0), at(1), ...
  template <class At>
  static GPTE_INLINE void pack_rows(float* to, int64_t width, int64_t rows, int64_t columns,
                                    const At& at) {
    for (int64_t r = 0; r < rows; ++r) pack_row(to + r * width, at(r), columns);
  }
  // B (columns, kTile), the transpose of the given rows, padded with zeros to whole vectors.
  template <class T>
  static void pack_transposed(float* to, const T* from, int64_t stride, int64_t rows,
                              int64_t columns) {
    for (int64_t r = 0; r < rows; r += kLanes)
      for (int64_t c = 0; c < columns; c += kLanes)
        if (r + kLanes <= rows && c + kLanes <= columns)
          pack_square(to, r, c, columns,
                      [&](int64_t i, int64_t j) { return load(from + i * stride + j); });
        else
          pack_square(to, r, c, columns, [&](int64_t i, int64_t j) {
            return i < rows ? load_n(from + i * stride + j, columns - j) : Vec{};
          });
  }
  // What is left over of turned keys, as words.
  static GPTE_INLINE Vec alone(Vec x) { return x; }
  // Elements c, c+1, ... of a row of A that is computed in place.
  static GPTE_INLINE void store_in_row(float* row, int64_t c, Vec x) { store(row + c, x); }
  // kPerWord rows of A whose product sums down its columns.
  static GPTE_INLINE void store_down(float* to, const Vec (&x)[1]) { store(to, x[0]); }
};

template <class T>
struct WordsOf {
  using type = Floats;
};

#if defined(__AVX512BF16__)
struct Pairs {
  static constexpr int kPerWord = 2;

  static GPTE_INLINE Vec multiply_add(Vec x, Vec row, Vec sum) {
    return (Vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)x, (__m512bh)row);
  }
  // The first n elements of kLanes words.
  static GPTE_INLINE Vec load_words(const bf16* p, int64_t n) {
    bf16 part[2 * kLanes];
    if (n < 2 * kLanes) {
      memset(part, 0, sizeof(part));
      memcpy(part, p, size_t(n) * sizeof(bf16));
      p = part;
    }
    Vec v;
    memcpy(&v, p, sizeof(v));
    return v;
  }
  static GPTE_INLINE Vec words_of(const bf16* row, int64_t w, int64_t columns) {
    return load_words(row + 2 * w, columns - 2 * w);
  }
  static GPTE_INLINE Vec words_down(const bf16* p, int64_t stride, int64_t r, int64_t rows,
                                    int64_t c, int64_t columns) {
    const bf16* low = p + 2 * r * stride + c;
    return pair_up(load_n(low, columns - c),
                   2 * r + 1 < rows ? load_n(low + stride, columns - c) : Vec{});
  }
  // Words of two rows of values that are exact in bf16.
  static GPTE_INLINE Vec pair_up(Vec low, Vec high) {
    return (Vec)(((Bits)low >> 16) | ((Bits)high & 0xffff0000u));
  }

  static GPTE_INLINE void pack_row(float* to, const bf16* from, int64_t columns) {
    for (int64_t c = 0; c < columns; c += 2 * kLanes)
      store(to + c / 2, load_words(from + c, columns - c));
  }
  template <class At>
  static GPTE_INLINE void pack_rows(float* to, int64_t width, int64_t rows, int64_t columns,
                                    const At& at) {
    for (int64_t r = 0; r < rows; r += 2) {
      const bf16 *low = at(r), *high = r + 1 < rows ? at(r + 1) : nullptr;
      for (int64_t c = 0; c < columns; c += kLanes)
        store(to + r / 2 * width + c,
              pair_up(load_n(low + c, columns - c), high ? load_n(high + c, columns - c) : Vec{}));
    }
  }
  static void pack_transposed(float* to, const bf16* from, int64_t stride, int64_t rows,
                              int64_t columns) {
    for (int64_t r = 0; r < rows; r += kLanes)
      for (int64_t w = 0; 2 * w < columns; w += kLanes)
        if (r + kLanes <= rows && 2 * (w + kLanes) <= columns)
          pack_square(to, r, w, (columns + 1) / 2, [&](int64_t i, int64_t j) {
            return load_words(from + i * stride + 2 * j, 2 * kLanes);
          });
        else
          pack_square(to, r, w, (columns + 1) / 2, [&](int64_t i, int64_t j) {
            return i < rows ? load_words(from + i * stride + 2 * j, columns - 2 * j) : Vec{};
          });
  }
  static GPTE_INLINE Vec alone(Vec x) { return (Vec)((Bits)x >> 16); }
  static GPTE_INLINE void store_in_row(float* row, int64_t c, Vec x) {
    bf16 part[kLanes];
    store(part, x);
    memcpy(reinterpret_cast<char*>(row) + c * int64_t(sizeof(bf16)), part, sizeof(part));
  }
  static GPTE_INLINE void store_down(float* to, const Vec (&x)[2]) {
    bf16 low[kLanes], high[kLanes];
    store(low, x[0]);
    store(high, x[1]);
    store(to, pair_up(load(low), load(high)));
  }
};

template <>
struct WordsOf<bf16> {
  using type = Pairs;
};
#endif

// sum + a row of A times the transpose of kLanes rows, from word w on for kLanes words.
template <class W, class T>
GPTE_INLINE Vec add_square(Vec sum, const float* a, const T* from, int64_t stride, int64_t rows,
                           int64_t w, int64_t columns) {
  Vec x[kLanes];
  for (int i = 0; i < kLanes; ++i)
    x[i] = i < rows ? W::words_of(from + i * stride, w, columns) : Vec{};
  transpose(x);
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i)
    if ((w + i) * W::kPerWord < columns) sum = W::multiply_add(splat(a[w + i]), x[i], sum);
  return sum;
}

// The same for whole squares: of 4 bytes an element or pair of elements, which a turn moves as one.
template <class W, class T>
struct Square {
  static constexpr int64_t kColumns = kLanes * W::kPerWord;
  static GPTE_INLINE Vec add(Vec sum, const float* a, const T* from, int64_t stride) {
    return add_square<W>(sum, a, from, stride, kLanes, 0, kColumns);
  }
};
template <>
struct Square<Floats, bf16> {
  static constexpr int64_t kColumns = kLanes * 2;
  static GPTE_INLINE Vec add(Vec sum, const float* a, const bf16* from, int64_t stride) {
    Vec x[kLanes];
    for (int i = 0; i < kLanes; ++i) x[i] = load_pairs(from + i * stride);
    transpose(x);
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) {
      sum = Floats::multiply_add(splat(a[2 * i]), first_of(x[i]), sum);
      sum = Floats::multiply_add(splat(a[2 * i + 1]), second_of(x[i]), sum);
    }
    return sum;
  }
};

// One row of A times the transpose of the given rows, which nothing else reads: they are turned in
// registers. The order of each sum is that of multiply().
template <class W, class T>
void multiply_by_transposed(float* s, const float* a, const T* from, int64_t stride, int64_t rows,
                            int64_t columns) {
  using Whole = Square<W, T>;
  int64_t r = 0;
  if (columns % Whole::kColumns == 0)
    for (; r + 2 * kLanes <= rows; r += 2 * kLanes, from += 2 * kLanes * stride) {
      Vec sum0 = {}, sum1 = {};  // two chains beside each other
      for (int64_t c = 0; c < columns; c += Whole::kColumns) {
        const float* x = a + c / W::kPerWord;
        sum0 = Whole::add(sum0, x, from + c, stride);
        sum1 = Whole::add(sum1, x, from + kLanes * stride + c, stride);
      }
      store(s + r, sum0);
      store(s + r + kLanes, sum1);
    }
  for (; r < rows; r += kLanes, from += kLanes * stride) {
    Vec sum = {};
    for (int64_t w = 0; w * W::kPerWord < columns; w += kLanes)
      sum = add_square<W>(sum, a, from, stride, rows - r, w, columns);
    store(s + r, sum);
  }
}

// A block keeps its keys turned: in groups of as many positions as a vector has lanes, in each word
// by word of 4 bytes, a float32 or two bf16 neighbours, and last what is left over. So a query
// meets that many keys at once, and a new key changes a few cache lines that lie together.
template <class T>
constexpr int64_t kTurned = 4 / int64_t(sizeof(T));  // elements a word

template <class T>
void turn_key(T* block, const T* key, int64_t position, int64_t D) {
  T* to = block + position / kLanes * kLanes * D;
  const int64_t lane = position % kLanes;
  int64_t c = 0;
  for (; c + kTurned<T> <= D; c += kTurned<T>)
    memcpy(to + c * kLanes + lane * kTurned<T>, key + c, 4);
  for (; c < D; ++c) to[c * kLanes + lane] = key[c];
}

// Calls f(v, w, x) for each word w that a product sums over, with those of the keys of group v of
// V.
template <class W, int V, class T, class F>
GPTE_INLINE void for_each_turned(const T* block, int64_t D, const F& f) {
  int64_t c = 0;
  for (; c + kTurned<T> <= D; c += kTurned<T>)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      Vec x;
      memcpy(&x, block + (v * D + c) * kLanes, sizeof(x));
      if constexpr (W::kPerWord == kTurned<T>)
        f(v, c / W::kPerWord, x);
      else
        f(v, c, first_of(x)), f(v, c + 1, second_of(x));
    }
  for (int v = 0; c < D && v < V; ++v)
    f(v, c / W::kPerWord, W::alone(load(block + (v * D + c) * kLanes)));
}

// B (D, kTile) of the first n keys of a block.
template <class W, class T>
void unpack_turned(float* to, const T* block, int64_t n, int64_t D) {
  for (int64_t i = 0; i < n; i += kLanes)
    for_each_turned<W, 1>(block + i * D, D,
                          [&](int, int64_t w, Vec x) { store(to + w * kTile + i, x); });
}

// One row of A times the first keys of a block, in V groups or as many as are left. The order of
// each sum is that of multiply().
template <class W, int V = (kTile / kLanes > 8 ? 8 : kTile / kLanes), class T>
GPTE_INLINE void multiply_by_groups(float* s, const float* a, const T* block, int64_t groups,
                                    int64_t D) {
  if (groups >= V) {
    Vec sum[V] = {};
    for_each_turned<W, V>(block, D, [&](int v, int64_t w, Vec x) {
      sum[v] = W::multiply_add(splat(a[w]), x, sum[v]);
    });
    for (int v = 0; v < V; ++v) store(s + v * kLanes, sum[v]);
  } else if constexpr (V > 1) {
    multiply_by_groups<W, V - 1>(s, a, block, groups, D);
  }
}

template <class W, class T>
void multiply_by_turned(float* s, const float* a, const T* block, int64_t n, int64_t D) {
  for (int64_t i = 0; i < n; i += 8 * kLanes)
    multiply_by_groups<W>(s + i, a, block + i * D, (n - i + kLanes - 1) / kLanes, D);
}

// o (+)= one row of A times the given rows, kVecs vectors of their columns. Two vectors of bf16
// that are words of their own come as one: its even columns, and its odd ones.
template <class W, int kVecs, class T>
GPTE_INLINE void multiply_by_strip(float* o, const float* a, const T* from, int64_t stride,
                                   int64_t rows, int64_t left, bool add) {
  constexpr bool kApart = sizeof(T) == sizeof(bf16) && W::kPerWord == 1 && kVecs % 2 == 0;
  Vec sum[kVecs];
  for (int v = 0; v < kVecs; ++v) sum[v] = add ? load(o + v * kLanes) : Vec{};
  if constexpr (kApart) {
    for (int v = 0; v < kVecs; v += 2) {
      const Vec low = sum[v], high = sum[v + 1];
      sum[v] = even_lanes(low, high), sum[v + 1] = odd_lanes(low, high);
    }
  }
  for (int64_t r = 0; r * W::kPerWord < rows; ++r) {
    const Vec x = splat(a[r]);
#pragma GCC unroll 8
    for (int v = 0; v < kVecs; v += 1 + kApart)
      if constexpr (kApart) {
        const Vec pairs = load_pairs(from + r * stride + v * kLanes);
        sum[v] = W::multiply_add(x, first_of(pairs), sum[v]);
        sum[v + 1] = W::multiply_add(x, second_of(pairs), sum[v + 1]);
      } else {
        sum[v] = W::multiply_add(x, W::words_down(from, stride, r, rows, v * kLanes, left), sum[v]);
      }
  }
  if constexpr (kApart) {
    for (int v = 0; v < kVecs; v += 2) {
      const Vec even = sum[v], odd = sum[v + 1];
      sum[v] = zip_first(even, odd), sum[v + 1] = zip_second(even, odd);
    }
  }
  for (int v = 0; v < kVecs; ++v) store(o + v * kLanes, sum[v]);
}

template <class W, class T>
void multiply_by_rows(float* o, const float* a, const T* from, int64_t stride, int64_t rows,
                      int64_t columns, bool add) {
  constexpr int kVecs = 64 / kLanes > 8 ? 8 : 64 / kLanes;
  int64_t c = 0;
  for (; c + kVecs * kLanes <= columns; c += kVecs * kLanes)
    multiply_by_strip<W, kVecs>(o + c, a, from + c, stride, rows, INT64_MAX / 4, add);
  for (; c < columns; c += kLanes)
    multiply_by_strip<W, 1>(o + c, a, from + c, stride, rows, columns - c, add);
}

// Asks for rows [begin, end): short rows far apart are what the hardware does not foresee.
template <class T>
GPTE_INLINE void prefetch_rows(const T* p, int64_t stride, int64_t begin, int64_t end,
                               int64_t columns) {
  for (int64_t r = begin; r < end; ++r)
    for (int64_t c = 0; c < columns; c += 64 / int64_t(sizeof(T)))
      __builtin_prefetch(p + r * stride + c, 0, 2);
}

}  // namespace
}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
