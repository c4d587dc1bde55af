#include "kernels/gemm.h"

#include "kernels/epilogue.h"
#include "kernels/vec.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

// The register tile: as many accumulators as leave room for one row of B and one element of A.
#if defined(__AVX512F__)
constexpr int kRows = 14, kVecs = 2;
#elif defined(__AVX2__)
constexpr int kRows = 6, kVecs = 2;
#elif defined(__aarch64__)
constexpr int kRows = 12, kVecs = 2;
#else
constexpr int kRows = 4, kVecs = 2;
#endif
constexpr int kColumns = kVecs * kLanes;

// How elements of T become words, and how words multiply. Panels of weights hold words where those
// are of 4 bytes, else the elements as they are.
template <class T>
struct Words {
  using Panel = T;
  static constexpr int kPerWord = 1;
  static GPTE_INLINE Vec load_words(const T* p) { return load(p); }
  static GPTE_INLINE float word(T x) { return float(x); }
  static GPTE_INLINE Vec multiply_add(Vec a, Vec b, Vec sum) { return sum + a * b; }
};
#if defined(__AVX512BF16__)
template <>
struct Words<bf16> {
  using Panel = float;
  static constexpr int kPerWord = 2;
  static GPTE_INLINE Vec load_words(const bf16* p) {
    Vec v;
    memcpy(&v, p, sizeof(v));
    return v;
  }
  static GPTE_INLINE float word(bf16 low, bf16 high = bf16(0.f)) {
    const uint32_t u = uint32_t(low.bits) | uint32_t(high.bits) << 16;
    float w;
    memcpy(&w, &u, 4);
    return w;
  }
  static GPTE_INLINE Vec multiply_add(Vec a, Vec b, Vec sum) {
    return (Vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
  }
};
#endif

// K is contiguous: blocks of kLanes x kLanes words are transposed in registers.
template <class T, int W>
void pack_panel_transposed(float* out, const T* src, int64_t stride, int64_t outer, int64_t k) {
  constexpr int P = Words<T>::kPerWord;
  const int64_t words = k / P;
  int64_t w = 0;
  // The last row of a block is stored whole over the next one's start: leave one row to the tail
  // below.
  for (; w + kLanes < words || (W % kLanes == 0 && w + kLanes <= words); w += kLanes)
    for (int64_t o = 0; o < W; o += kLanes) {
      Vec rows[kLanes];
      for (int i = 0; i < kLanes; ++i)
        rows[i] = o + i < outer ? Words<T>::load_words(src + (o + i) * stride + w * P) : Vec{};
      transpose(rows);
      if (o + kLanes <= W) {
        for (int i = 0; i < kLanes; ++i) store(out + (w + i) * W + o, rows[i]);
      } else {
        for (int i = 0; i < kLanes; ++i) store_part(out + (w + i) * W + o, rows[i], W - o);
      }
    }
  for (; w < words; ++w)
    for (int64_t o = 0; o < W; ++o) {
      const T* p = src + o * stride + w * P;
      if constexpr (P == 2)
        out[w * W + o] = o < outer ? Words<T>::word(p[0], p[1]) : 0.f;
      else
        out[w * W + o] = o < outer ? Words<T>::word(p[0]) : 0.f;
    }
  if (words * P < k)
    for (int64_t o = 0; o < W; ++o)
      out[words * W + o] = o < outer ? Words<T>::word(src[o * stride + words * P]) : 0.f;
}

// The panel's own direction is contiguous: rows are copied, or pairs of rows interleaved.
template <class T, int W>
void pack_panel_copied(float* out, const T* src, int64_t stride, int64_t outer, int64_t k) {
  constexpr int P = Words<T>::kPerWord;
  for (int64_t w = 0; w * P < k; ++w, out += W) {
    const T* low = src + w * P * stride;
    if constexpr (P == 2) {
      const bool pair = w * P + 1 < k;
      const T* high = pair ? low + stride : low;
      if (outer >= W && pair)
        for (int o = 0; o < W; ++o) out[o] = Words<T>::word(low[o], high[o]);
      else
        for (int o = 0; o < W; ++o)
          out[o] =
              o < outer ? (pair ? Words<T>::word(low[o], high[o]) : Words<T>::word(low[o])) : 0.f;
    } else {
      if (outer >= W)
        for (int o = 0; o < W; ++o) out[o] = Words<T>::word(low[o]);
      else
        for (int o = 0; o < W; ++o) out[o] = o < outer ? Words<T>::word(low[o]) : 0.f;
    }
  }
}

template <class T, int W>
void pack(float* panels, const T* src, int64_t stride_outer, int64_t stride_k, int64_t outer,
          int64_t k) {
  const int64_t words = (k + Words<T>::kPerWord - 1) / Words<T>::kPerWord;
  for (int64_t o = 0; o < outer; o += W, panels += W * words, src += W * stride_outer)
    if (stride_k == 1)
      pack_panel_transposed<T, W>(panels, src, stride_outer, outer - o, k);
    else
      pack_panel_copied<T, W>(panels, src, stride_k, outer - o, k);
}

template <class T>
void pack_row(float* words, const T* src, int64_t k) {
  constexpr int P = Words<T>::kPerWord;
  int64_t i = 0;
  for (; i + kLanes * P <= k; i += kLanes * P) store(words + i / P, Words<T>::load_words(src + i));
  if (i < k) {
    T last[kLanes * P] = {};
    memcpy(last, src + i, size_t(k - i) * sizeof(T));
    store(words + i / P, Words<T>::load_words(last));
  }
}

template <class T>
void pack_weights(T* panels, const T* src, int64_t outer, int64_t k) {
  if constexpr (Words<T>::kPerWord * sizeof(T) == sizeof(float)) {
    pack<T, kColumns>(reinterpret_cast<float*>(panels), src, k, 1, outer, k);
  } else {
    for (int64_t o = 0; o < outer; o += kColumns, panels += kColumns * k, src += kColumns * k)
      for (int64_t i = 0; i < kColumns; ++i)
        for (int64_t j = 0; j < k; ++j)
          panels[j * kColumns + i] = o + i < outer ? src[i * k + j] : T(0.f);
  }
}

// A row of a panel of B as floats. Of bf16 as it is, even columns come first: two neighbours part
// in fewer steps than halves of a vector widen.
GPTE_INLINE void load_row(Vec (&row)[kVecs], const float* b) {
  for (int j = 0; j < kVecs; ++j) row[j] = load(b + j * kLanes);
}
GPTE_INLINE void load_row(Vec (&row)[kVecs], const bf16* b) {
  static_assert(kVecs == 2, "even and odd columns");
  const Vec pairs = load_pairs(b);
  row[0] = first_of(pairs);
  row[1] = second_of(pairs);
}
// Sums of such rows, in the order of the columns.
template <class B>
GPTE_INLINE void in_order(Vec (&sum)[kVecs]) {
  if (sizeof(B) != sizeof(bf16)) return;
  const Vec even = sum[0], odd = sum[1];
  sum[0] = zip_first(even, odd), sum[1] = zip_second(even, odd);
}

// R rows by kColumns columns of C from one packed panel of A and one of B, whose type is float for
// words and bf16 for elements that are words of their own.
template <class T, int R, class B>
__attribute__((noinline)) void micro_kernel(int64_t k_words, const float* a, const B* b, float* c,
                                            int64_t ldc, bool accumulate) {
  Vec sum[R][kVecs] = {};
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < kVecs; ++j) __builtin_prefetch(c + i * ldc + j * kLanes);
  for (int64_t k = 0; k < k_words; ++k, a += kRows, b += kColumns) {
    Vec b_row[kVecs];
    load_row(b_row, b);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const Vec a_i = splat(a[i]);
      for (int j = 0; j < kVecs; ++j) sum[i][j] = Words<T>::multiply_add(a_i, b_row[j], sum[i][j]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
    in_order<B>(sum[i]);
    for (int j = 0; j < kVecs; ++j) {
      float* out = c + i * ldc + j * kLanes;
      store(out, accumulate ? load(out) + sum[i][j] : sum[i][j]);
    }
  }
}

template <class B>
using MicroKernel = void (*)(int64_t, const float*, const B*, float*, int64_t, bool);

// By rows: not every panel of A is full.
template <class T, class B, int R = kRows>
GPTE_INLINE MicroKernel<B> micro_kernel_for(int64_t rows) {
  if constexpr (R > 1)
    if (rows < R) return micro_kernel_for<T, B, R - 1>(rows);
  return micro_kernel<T, R, B>;
}

// Finishes a tile of partial sums: adds what earlier blocks left in sum, runs the epilogue on the
// last block.
template <class T>
__attribute__((noinline)) void finish_tile(const GemmBlock<T>& g, const float* tile, int64_t m,
                                           int64_t n, int64_t rows, int64_t columns) {
  const GemmEpilogue<T>& e = g.epilogue;
  const bool finish = g.last && e.out;
  for (int64_t i = 0; i < rows; ++i, tile += kColumns)
    for (int64_t j = 0; j < columns; j += kLanes) {
      const int64_t left = columns - j, at = (m + i) * e.ld + n + j;
      float* sum = g.sum + (m + i) * g.ld_sum + n + j;
      Vec c = load(tile + j);
      if (!g.first) c = load_n(sum, left) + c;
      if (!finish) {
        store_n(sum, c, left);
        continue;
      }
      apply_epilogue(e, c, at, n + j, left);
    }
}

// An epilogue that leaves the sums as they are, where they are.
template <class T>
bool is_plain(const GemmBlock<T>& g) {
  const GemmEpilogue<T>& e = g.epilogue;
  if (!g.last || !e.out) return true;
  return static_cast<const void*>(e.out) == g.sum && !e.bias && !e.pre && !e.pre_read &&
         !e.residual && e.activation == Activation::none;
}

// What finish_tile is going to touch, asked for before the tile is multiplied.
template <class T>
GPTE_INLINE void prefetch_tile(const GemmEpilogue<T>& e, int64_t m, int64_t n, int64_t rows) {
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t at = (m + i) * e.ld + n;
    const T* touched[] = {e.out, e.residual, e.pre_read};
    for (const T* p : touched)
      if (p) {
        __builtin_prefetch(p + at);
        __builtin_prefetch(p + at + kColumns - 1);
      }
  }
}

template <class T, class B>
void multiply_panels(const GemmBlock<T>& g, const B* panels) {
  const bool all_plain = is_plain(g);
  alignas(64) float tile[kRows * kColumns];
  for (int64_t i = 0; i < g.panels; ++i) {
    const int64_t m = panel_row(g.M, g.panels, i), rows = panel_row(g.M, g.panels, i + 1) - m;
    const MicroKernel<B> kernel = micro_kernel_for<T, B>(rows);
    const float* a = g.a + i * kRows * g.k_words;
    for (int64_t n = 0; n < g.N; n += kColumns) {
      const int64_t columns = g.N - n < kColumns ? g.N - n : kColumns;
      const B* b = panels + n / kColumns * g.b_panel;
      if (all_plain && columns == kColumns) {
        kernel(g.k_words, a, b, g.sum + m * g.ld_sum + n, g.ld_sum, !g.first);
      } else {
        if (columns == kColumns) prefetch_tile(g.epilogue, m, n, rows);
        kernel(g.k_words, a, b, tile, kColumns, false);
        finish_tile(g, tile, m, n, rows, columns);
      }
    }
  }
}

template <class T>
void multiply(const GemmBlock<T>& g) {
  if (g.b)
    multiply_panels<T>(g, g.b);
  else
    multiply_panels<T>(g, reinterpret_cast<const typename Words<T>::Panel*>(g.weights));
}

// P panels at a time: as many chains of multiply-adds as hide their latency.
template <class T, int P>
GPTE_INLINE void multiply_row_panels(const GemmRow<T>& g, int64_t n) {
  constexpr int64_t kRow = kColumns * Words<T>::kPerWord;
  const T* w = g.weights + n * g.k_words * Words<T>::kPerWord;
  const int64_t panel = kRow * g.k_words;
  Vec total[P][kVecs];
  for (int64_t k0 = 0; k0 < g.k_words; k0 += kGemmBlockWords) {
    const int64_t end = g.k_words - k0 < kGemmBlockWords ? g.k_words : k0 + kGemmBlockWords;
    Vec sum[P][kVecs] = {};
    for (int64_t k = k0; k < end; ++k, w += kRow) {
      const Vec x = splat(g.x[k]);
#pragma GCC unroll 8
      for (int p = 0; p < P; ++p) {
        Vec row[kVecs];
        load_row(row, reinterpret_cast<const typename Words<T>::Panel*>(w + p * panel));
        for (int j = 0; j < kVecs; ++j) sum[p][j] = Words<T>::multiply_add(x, row[j], sum[p][j]);
      }
    }
    for (int p = 0; p < P; ++p)
      for (int j = 0; j < kVecs; ++j) total[p][j] = k0 ? total[p][j] + sum[p][j] : sum[p][j];
  }
  for (int p = 0; p < P; ++p) {
    in_order<typename Words<T>::Panel>(total[p]);
    for (int j = 0; j < kVecs; ++j) {
      const int64_t at = n + p * kColumns + j * kLanes, left = g.N - at;
      if (left <= 0) return;
      if (g.sum)
        store_n(g.sum + at, total[p][j], left);
      else
        apply_epilogue(g.epilogue, total[p][j], at, at, left);
    }
  }
}

template <class T>
void multiply_row(const GemmRow<T>& g) {
  int64_t n = 0;
  for (; n + 3 * kColumns < g.N; n += 4 * kColumns) multiply_row_panels<T, 4>(g, n);
  for (; n < g.N; n += kColumns) multiply_row_panels<T, 1>(g, n);
}

// kVecs vectors of columns stay in registers while the rows stream by.
template <class T, int V>
GPTE_INLINE void sum_strip(float* sums, const T* x, int64_t N, int64_t C, int64_t left) {
  Vec sum[V] = {};
  for (int64_t n = 0; n < N; ++n, x += C)
    for (int j = 0; j < V; ++j) sum[j] += load_n(x + j * kLanes, left - j * kLanes);
  for (int j = 0; j < V; ++j) {
    float* out = sums + j * kLanes;
    store_n(out, load_n(out, left - j * kLanes) + sum[j], left - j * kLanes);
  }
}

template <class T>
void sum_rows(float* sums, const T* x, int64_t N, int64_t C, int64_t begin, int64_t end) {
  constexpr int V = 4;
  int64_t c = begin;
  for (; c + V * kLanes <= end; c += V * kLanes) sum_strip<T, V>(sums + c, x + c, N, C, V * kLanes);
  for (; c < end; c += kLanes) sum_strip<T, 1>(sums + c, x + c, N, C, end - c);
}

template <class T>
constexpr GemmKernels<T> kernels_of = {
    kRows,       kColumns,        Words<T>::kPerWord, pack<T, kRows>,  pack<T, kColumns>,
    pack_row<T>, pack_weights<T>, multiply<T>,        multiply_row<T>, sum_rows<T>};

}  // namespace

extern const GemmKernels<float> gemm_f32 = kernels_of<float>;
extern const GemmKernels<bf16> gemm_bf16 = kernels_of<bf16>;

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
