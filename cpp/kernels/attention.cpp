#include "kernels/attention.h"

#include <math.h>

#include "kernels/attention_pack.h"

namespace gpte {
namespace GPTE_ISA_NAMESPACE {
namespace {

constexpr float kLog2E = 1.44269504f, kLn2 = 0.693147181f;

// The pairs (query, head) of a task, head fastest: which keys a row sees, and its slope as a part
// of the unscaled score q k.
struct Rows {
  int64_t first, heads;  // position of the first query, query heads
  const float* slopes;
  float scale;
  bool causal;
  int64_t window;

  int64_t position(int64_t row) const { return first + row / heads; }
  // How many of the n keys of the tile at key0: never falls from one row to the next.
  int64_t limit(int64_t row, int64_t key0, int64_t n) const {
    return causal ? most(0, least(n, position(row) - key0 + 1)) : n;
  }
  // How many of those are too far back: never falls either, and is below the limit.
  int64_t skip(int64_t row, int64_t key0) const {
    return window ? most(0, position(row) - window + 1 - key0) : 0;
  }
  // Before this row the key is masked, and from `end` on all of the n keys of the tile at key0.
  int64_t begin(int64_t key) const { return causal ? most(0, key - first) * heads : 0; }
  int64_t end(int64_t all, int64_t key0, int64_t n) const {
    return window ? least(all, most(0, key0 + n + window - 1 - first) * heads) : all;
  }
  // Whether the rows [row, row + count) see every key of a whole tile.
  bool see_all(int64_t row, int64_t count, int64_t key0, int64_t n) const {
    return limit(row, key0, n) == kTile && skip(row + count - 1, key0) == 0;
  }
  float slope(int64_t row) const { return slopes ? slopes[row % heads] / scale : 0.f; }
};

GPTE_INLINE void clear(float* p, int64_t n) {
  memset(p, 0, size_t(n) * sizeof(float));
}

// How many words n elements along the summed axis are.
template <class W>
GPTE_INLINE int64_t words(int64_t n) {
  return (n + W::kPerWord - 1) / W::kPerWord;
}

GPTE_INLINE const float* as_floats(const float* p) {
  return p;
}
GPTE_INLINE const float* as_floats(const bf16*) {
  return nullptr;
}

// Lowers the scores of a row by slope * distance and sets those before `skip` and past the limit to
// minus infinity.
GPTE_INLINE void bias_and_mask(float* s, int64_t skip, int64_t limit, float slope, float distance) {
  const Vec lane = lane_index();
  for (int64_t c = 0; c < kTile; c += kLanes) {
    const Vec away = distance - float(c) - lane;
    const Vec x = load(s + c) - slope * (away < 0.f ? -away : away);
    const Vec seen = lane < splat(float(limit - c)) ? x : splat(-INFINITY);
    store(s + c, lane < splat(float(skip - c)) ? splat(-INFINITY) : seen);
  }
}

// The running softmax of the rows of a task, in powers of 2 because they are cheaper than those of
// e: y = o / sum, lse = max ln 2 + log sum.
template <class W>
struct Softmax {
  float *max, *sum, *o;  // (rows), (rows, kLanes), (rows, width)
  int64_t width;
  float unit;  // of a score q k: scale / ln 2

  void start(int64_t rows) {
    for (int64_t r = 0; r < rows; r += kLanes) store(max + r, splat(-INFINITY));
    for (int64_t i = 0; i < rows * kLanes; i += kLanes) store(sum + i, Vec{});
  }

  // Turns the scores s (n, kTile) of the rows from `row` on into weights. A row whose maximum
  // stays is not rescaled: the factor would be 2^0 = 1. Before the first tile o is undefined.
  void add_tile(int64_t row, int64_t n, float* s, bool first) {
    if (n == 1) {
      const float before = max[row], top = reduce_max(top_of(s)) * unit;
      max[row] = before > top ? before : top;
      return add_row(row, s, max[row], exp2_of_negative(splat(before - max[row]))[0], first);
    }
    for (int64_t r = 0; r < n; r += kLanes) {
      Vec top[kLanes];
      for (int i = 0; i < kLanes; ++i) top[i] = top_of(s + (r + i) * kTile);
      const Vec before = load(max + row + r);
      const Vec now =
          vmax(before, reduce_rows(top, [](Vec a, Vec b) { return vmax(a, b); }) * unit);
      store_n(max + row + r, now, n - r);  // what lies behind may be another tile's rows
      float factor[kLanes], maximum[kLanes];
      store(factor, exp2_of_negative(before - now));
      store(maximum, now);
      for (int64_t i = 0; i < kLanes && r + i < n; ++i)
        add_row(row + r + i, s + (r + i) * kTile, maximum[i], factor[i], first);
    }
  }

  // The maximum of a row of scores is among these.
  static GPTE_INLINE Vec top_of(const float* s) {
    Vec top = load(s);
    for (int64_t c = kLanes; c < kTile; c += kLanes) top = vmax(top, load(s + c));
    return top;
  }

  GPTE_INLINE void add_row(int64_t row, float* s, float maximum, float factor, bool first) {
    Vec total = {};
    for (int64_t c = 0; c < kTile; c += kLanes) {
      const Vec p = exp2_of_negative(load(s + c) * unit - maximum);
      W::store_in_row(s, c, p);
      total += p;
    }
    Vec before = load(sum + row * kLanes);
    if (factor != 1.f && !first) {
      before *= factor;
      for (float *x = o + row * width, *end = x + width; x < end; x += kLanes)
        store(x, load(x) * factor);
    }
    store(sum + row * kLanes, before + total);
  }
};

template <class T>
void forward(const AttentionTask<T>& t, float* scratch) {
  using W = typename WordsOf<T>::type;
  const Rows rows{t.first, t.heads, t.slopes, t.scale, t.causal, t.window};
  const int64_t R = t.queries * t.heads, D = t.D, width = whole_vectors(D);
  float* keys = scratch;                 // (D, kTile) words
  float* values = keys + kTile * width;  // (kTile, width) words
  float* s = values + kTile * width;     // (kTile, kTile)
  float* wide = s + kTile * kTile;       // (2, kTile, D) elements of the cache, widened
  float* q = wide + 2 * kTile * width;   // (R, width) words
  Softmax<W> softmax;
  softmax.width = width;
  softmax.unit = t.scale * kLog2E;
  softmax.o = q + kAttentionRows * width;
  softmax.sum = softmax.o + kAttentionRows * width;
  softmax.max = softmax.sum + kAttentionRows * kLanes;
  softmax.start(R);
  for (int64_t r = 0; r < R; ++r)
    W::pack_row(q + r * width, t.q + r / t.heads * t.q_stride + r % t.heads * D, D);

  // A few rows read the values but once: no use in packing them, where their layout serves.
  const bool in_place = sizeof(T) == sizeof(float) && R <= kBlockRows && D % kLanes == 0;
  const int64_t all_keys = t.causal ? least(t.keys, t.first + t.queries) : t.keys;
  const int64_t first_key = rows.skip(0, 0) / kTile * kTile;
  // Without a window every row sees the first key, so the first tile writes every row.
  if (t.window) clear(softmax.o, R * width);
  const auto tile_at = [&](const T* p, int64_t key0) {
    return t.blocks ? p + t.blocks[key0 / kTile] * t.block_stride : p + key0 * t.kv_stride;
  };
  const auto widened = [&](float* to, const char* kept, int64_t key0, int64_t n) -> const T* {
    T* tile = reinterpret_cast<T*>(to);
    t.widen(tile, kept + t.blocks[key0 / kTile] * t.block_stride, n, D);
    return tile;
  };
  for (int64_t key0 = first_key; key0 < all_keys; key0 += kTile) {
    const int64_t n = least(kTile, all_keys - key0), next_key = key0 + kTile;
    const bool first = key0 == 0 && !t.window;
    // Rows of the next tile to ask for: what is widened lies end to end, which needs no asking.
    const int64_t all_next = t.widen ? 0 : most(0, least(all_keys - next_key, kTile));
    const T* k_tile = t.widen ? widened(wide, t.kept_k, key0, n) : tile_at(t.k, key0);
    const T* from = t.widen ? widened(wide + kTile * width, t.kept_v, key0, n) : tile_at(t.v, key0);
    const bool turned = t.blocks && !t.widen;
    const T *next_k = nullptr, *next_v = nullptr;
    if (all_next) next_k = tile_at(t.k, next_key), next_v = tile_at(t.v, next_key);
    if (R == 1) {  // as decoding has it: what one row reads is not worth packing
      prefetch_rows(next_k, t.kv_stride, 0, turned ? whole_vectors(all_next) : all_next, D);
      if (turned)
        multiply_by_turned<W>(s, q, k_tile, n, D);
      else
        multiply_by_transposed<W>(s, q, k_tile, t.kv_stride, n, D);
      prefetch_rows(next_v, t.kv_stride, 0, all_next, D);
      if (t.slopes || !rows.see_all(0, 1, key0, n))
        bias_and_mask(s, rows.skip(0, key0), n, rows.slope(0), float(rows.position(0) - key0));
      softmax.add_tile(0, 1, s, first);
      multiply_by_rows<W>(softmax.o, s, from, t.kv_stride, n, D, !first);
      continue;
    }
    if (turned)
      unpack_turned<W>(keys, k_tile, n, D);
    else
      W::pack_transposed(keys, k_tile, t.kv_stride, n, D);
    const float* v = values;
    int64_t v_stride = width;
    if (in_place)
      v = as_floats(from), v_stride = t.kv_stride;
    else
      W::pack_rows(values, width, n, D, [&](int64_t i) { return from + i * t.kv_stride; });
    const int64_t end = rows.end(R, key0, n);
    int64_t next = 0;
    for (int64_t row = rows.begin(key0); row < end; row += kTile) {
      const int64_t count = least(kTile, end - row);
      const int64_t upto = row + kTile < end ? least(all_next, next + 16) : all_next;
      prefetch_rows(next_k, t.kv_stride, next, upto, D);
      prefetch_rows(next_v, t.kv_stride, next, upto, D);
      next = upto;
      // Rows that see the whole tile go together; others by the few that share a block of
      // registers, each as far as its last row sees.
      const bool whole = rows.see_all(row, count, key0, n);
      const int64_t group = whole ? count : kBlockRows;
      for (int64_t r = 0; r < count; r += group) {
        const int64_t g = least(group, count - r);
        multiply<W, Product::write>(g, whole_vectors(rows.limit(row + r + g - 1, key0, n)),
                                    words<W>(D), s + r * kTile, kTile, q + (row + r) * width, width,
                                    keys, kTile);
      }
      if (!whole || t.slopes)
        for (int64_t r = 0; r < count; ++r)
          bias_and_mask(s + r * kTile, rows.skip(row + r, key0), rows.limit(row + r, key0, n),
                        rows.slope(row + r), float(rows.position(row + r) - key0));
      softmax.add_tile(row, count, s, first);
      for (int64_t r = 0; r < count; r += group) {
        const int64_t g = least(group, count - r);
        const int64_t seen = words<W>(rows.limit(row + r + g - 1, key0, n));
        const auto product = first ? multiply<W, Product::write> : multiply<W, Product::add>;
        product(g, width, seen, softmax.o + (row + r) * width, width, s + r * kTile, kTile, v,
                v_stride);
      }
    }
  }

  for (int64_t r = 0; r < R; ++r) {
    const int64_t query = r / t.heads, head = r % t.heads;
    const float sum = reduce_sum(load(softmax.sum + r * kLanes)), inverse = 1 / sum;
    T* y = t.y + query * t.y_stride + head * D;
    // Adding zero makes -0 into +0: a masked key may leave either.
    for (int64_t c = 0; c < D; c += kLanes)
      store_n(y + c, load(softmax.o + r * width + c) * inverse + 0.f, D - c);
    if (t.lse) t.lse[query * t.lse_stride + head] = softmax.max[r] * kLn2 + logf(sum);
  }
}

// The keys [begin, end) of a tile that a row sees.
struct Span {
  int64_t begin, end;
};

// Of row r of the tile's scores s and products dp = dy v: weights p and ds = p (dp - delta), both 0
// outside the keys that it sees.
struct Gradient {
  const float *s, *dp, *lse, *delta;
  float unit;

  GPTE_INLINE void at(int64_t r, int64_t c, Span seen, Vec& p, Vec& ds) const {
    p = exp2_of_negative(load(s + r * kTile + c) * unit - lse[r]);
    ds = p * (load(dp + r * kTile + c) - delta[r]);
    if (seen.end < kTile || seen.begin > 0) {  // what lies past the end was never computed
      const Vec lane = lane_index(), begin = splat(float(seen.begin - c)),
                end = splat(float(seen.end - c));
      p = lane < end ? (lane < begin ? Vec{} : p) : Vec{};
      ds = lane < end ? (lane < begin ? Vec{} : ds) : Vec{};
    }
  }

  // As operands: p and ds of which products sum down the columns, in place of s and dp, and, where
  // it is laid out otherwise, ds of which one sums along the rows.
  template <class W, class Seen>
  GPTE_INLINE void store(int64_t rows, const Seen& seen, float* p_down, float* ds_down,
                         float* ds_along) const {
    for (int64_t r = 0; r < rows; r += W::kPerWord)
      for (int64_t c = 0; c < kTile; c += kLanes) {
        Vec p[W::kPerWord], ds[W::kPerWord];
        for (int i = 0; i < W::kPerWord; ++i) {
          at(r + i, c, seen(r + i), p[i], ds[i]);
          if (W::kPerWord > 1) W::store_in_row(ds_along + (r + i) * kTile, c, ds[i]);
        }
        W::store_down(p_down + r / W::kPerWord * kTile + c, p);
        W::store_down(ds_down + r / W::kPerWord * kTile + c, ds);
      }
  }
};

template <class T>
GPTE_INLINE float dot(const T* a, const T* b, int64_t n) {
  Vec sum = {};
  for (int64_t i = 0; i < n; i += kLanes) sum += load_n(a + i, n - i) * load_n(b + i, n - i);
  return reduce_sum(sum);
}
template <class T>
GPTE_INLINE void store_row(T* to, const float* from, int64_t n, float factor) {
  for (int64_t i = 0; i < n; i += kLanes) store_n(to + i, load(from + i) * factor, n - i);
}

template <class T>
void backward(const AttentionBackwardTask<T>& t, float* scratch) {
  using W = typename WordsOf<T>::type;
  constexpr bool kPairs = W::kPerWord == 2;
  const Rows rows{0, t.heads, t.slopes, t.scale, t.causal, t.window};
  const int64_t R = t.tokens * t.heads, D = t.D, width = whole_vectors(D), tile = kTile * width;
  float *keys_t = scratch, *values_t = keys_t + tile;                 // (D, kTile) words
  float *keys = values_t + tile, *dk = keys + tile, *dv = dk + tile;  // (kTile, width)
  float *q = dv + tile, *dy = q + tile;                               // (kTile, width) words
  float *s = dy + tile, *dp = s + kTile * kTile;                      // (kTile, kTile)
  float* dq = dp + kTile * kTile;                                     // (R, width)
  float *delta = dq + R * width, *lse = delta + R;
  // What a product sums along its rows, and what another sums down its columns, are laid out alike
  // as floats, but not as pairs.
  float *q_down = q, *dy_down = dy, *ds = dp;
  if (kPairs) q_down = lse + R, dy_down = q_down + tile, ds = dy_down + tile;
  clear(dq, R * width);
  for (int64_t r = 0; r < R; ++r) {
    const int64_t at = r / t.heads * t.y_stride + r % t.heads * D;
    delta[r] = dot(t.dy + at, t.y + at, D);
    lse[r] = t.lse[r / t.heads * t.lse_stride + r % t.heads] * kLog2E;
  }

  for (int64_t key0 = 0; key0 < t.tokens; key0 += kTile) {
    const int64_t n = least(kTile, t.tokens - key0), from = key0 * t.qkv_stride;
    W::pack_transposed(keys_t, t.k + from, t.qkv_stride, n, D);
    W::pack_transposed(values_t, t.v + from, t.qkv_stride, n, D);
    W::pack_rows(keys, width, n, D, [&](int64_t i) { return t.k + from + i * t.qkv_stride; });
    clear(dk, n * width);
    clear(dv, n * width);
    const int64_t end = rows.end(R, key0, n);
    for (int64_t row = rows.begin(key0); row < end; row += kTile) {
      const int64_t count = least(kTile, end - row);
      const auto q_at = [&](int64_t r) {
        return t.q + (row + r) / t.heads * t.qkv_stride + (row + r) % t.heads * D;
      };
      const auto dy_at = [&](int64_t r) {
        return t.dy + (row + r) / t.heads * t.y_stride + (row + r) % t.heads * D;
      };
      for (int64_t r = 0; r < count; ++r) {
        W::pack_row(q + r * width, q_at(r), D);
        W::pack_row(dy + r * width, dy_at(r), D);
      }
      if (kPairs) {
        W::pack_rows(q_down, width, count, D, q_at);
        W::pack_rows(dy_down, width, count, D, dy_at);
      }
      // As in forward: all rows at once where they see the whole tile, else by few.
      const bool whole = rows.see_all(row, count, key0, n);
      const int64_t group = whole ? kTile : kBlockRows;
      for (int64_t r = 0; r < count; r += group) {
        const int64_t g = least(group, count - r);
        const int64_t columns = whole_vectors(rows.limit(row + r + g - 1, key0, n));
        multiply<W, Product::write>(g, columns, words<W>(D), s + r * kTile, kTile, q + r * width,
                                    width, keys_t, kTile);
        multiply<W, Product::write>(g, columns, words<W>(D), dp + r * kTile, kTile, dy + r * width,
                                    width, values_t, kTile);
      }
      if (t.slopes)
        for (int64_t r = 0; r < count; ++r)
          bias_and_mask(s + r * kTile, rows.skip(row + r, key0), rows.limit(row + r, key0, n),
                        rows.slope(row + r), float(rows.position(row + r) - key0));
      const Gradient gradient{s, dp, lse + row, delta + row, t.scale * kLog2E};
      const auto seen = [&](int64_t r) {
        return r < count ? Span{rows.skip(row + r, key0), rows.limit(row + r, key0, n)}
                         : Span{0, 0};
      };
      gradient.store<W>(count, seen, s, dp, ds);
      for (int64_t i = 0; i < n; i += group) {
        const int64_t g = least(group, n - i);
        const int64_t r = most(0, rows.begin(key0 + i) - row) / W::kPerWord;
        const int64_t K = words<W>(count) - r;
        if (K <= 0) break;
        multiply<W, Product::add_transposed>(g, width, K, dv + i * width, width, s + r * kTile + i,
                                             kTile, dy_down + r * width, width);
        multiply<W, Product::add_transposed>(g, width, K, dk + i * width, width, dp + r * kTile + i,
                                             kTile, q_down + r * width, width);
      }
      for (int64_t r = 0; r < count; r += group) {
        const int64_t g = least(group, count - r);
        multiply<W, Product::add>(g, width, words<W>(rows.limit(row + r + g - 1, key0, n)),
                                  dq + (row + r) * width, width, ds + r * kTile, kTile, keys,
                                  width);
      }
    }
    for (int64_t i = 0; i < n; ++i) {
      store_row(t.dk + from + i * t.qkv_stride, dk + i * width, D, t.scale);
      store_row(t.dv + from + i * t.qkv_stride, dv + i * width, D, 1.f);
    }
  }
  for (int64_t r = 0; r < R; ++r)
    store_row(t.dq + r / t.heads * t.qkv_stride + r % t.heads * D, dq + r * width, D, t.scale);
}

}  // namespace

extern const AttentionKernels<float> attention_f32 = {turn_key<float>, forward<float>,
                                                      backward<float>};
extern const AttentionKernels<bf16> attention_bf16 = {turn_key<bf16>, forward<bf16>,
                                                      backward<bf16>};

}  // namespace GPTE_ISA_NAMESPACE
}  // namespace gpte
