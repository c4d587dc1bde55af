// What the operators of attention check alike, and how they cut their work.
#pragma once

#include <algorithm>

#include "core/parallel.h"
#include "kernels/attention.h"
#include "ops/checks.h"

namespace gpte {

// H query heads read K key heads of D elements; `group` of them share one.
struct HeadSizes {
  int64_t H, K, D, group, width;
};

inline HeadSizes check_heads(const char* op, const Tensor& qkv, int64_t H, int64_t K) {
  check(H >= 1 && K >= 1 && H % K == 0, op, ": heads ", H, " must be a multiple of kv_heads ", K);
  check(qkv.shape().rank() == 2, op, ": qkv ", qkv.shape(), " must be (N, (H + 2K) D)");
  const int64_t width = qkv.dim(1), D = width / (H + 2 * K);
  check(D >= 1 && D * (H + 2 * K) == width, op, ": qkv ", qkv.shape(),
        " must have rows of a multiple of heads + 2 kv_heads = ", H + 2 * K, " elements");
  check(D <= kAttentionMaxDim, op, ": head size ", D, " must be at most ",
        int64_t(kAttentionMaxDim));
  return {H, K, D, H / K, width};
}

inline void check_scale(const char* op, float scale) {
  check(scale > 0, op, ": scale ", scale, " must be positive");
}

inline void check_window(const char* op, int64_t window, bool causal) {
  check(window >= 0, op, ": window ", window, " must not be negative");
  check(window == 0 || causal, op, ": a window of ", window, " keys needs causal attention");
}

// Calls f(b, begin, end, head, heads) in parallel for runs of rows of one segment and heads that
// share a key head, such that together they cover all rows and heads, and a run has at most
// kAttentionRows pairs (row, head). No result depends on where the runs are cut.
template <class F>
void for_each_run(const Tensor& segments, const HeadSizes& s, const F& f) {
  const int64_t B = segments.dim(0) - 1;
  const int32_t* at = segments.data<int32_t>();
  const int64_t N = at[B];
  if (N == 0) return;
  // A few runs a thread balance the load; multiples of a tile waste no part of one.
  const int64_t heads = std::min(s.group, kAttentionRows), pieces = (s.group + heads - 1) / heads;
  const int64_t parts = s.K * pieces;
  int64_t step = std::min(kAttentionRows / heads, N * parts / (4 * num_threads()));
  step =
      step >= kAttentionTile ? step / kAttentionTile * kAttentionTile : std::max(step, int64_t(1));
  const int64_t cuts = (N + step - 1) / step;
  parallel_chunks(cuts * parts, [&](int64_t chunk) {
    const int64_t part = chunk % parts, begin = (cuts - 1 - chunk / parts) * step;
    const int64_t end = std::min(N, begin + step), head = part / pieces * s.group;
    const int64_t first = head + part % pieces * heads;
    const int64_t count = std::min(heads, head + s.group - first);
    int64_t b = std::upper_bound(at, at + B, int32_t(begin)) - at - 1;
    for (; b < B && at[b] < end; ++b)
      if (at[b] < at[b + 1])
        f(b, std::max(begin, int64_t(at[b])), std::min(end, int64_t(at[b + 1])), first, count);
  });
}

}  // namespace gpte
