#include "ops/attention_cached.h"

#include <cstring>

#include "core/scratch.h"
#include "kernels/kernels.h"
#include "ops/attention_checks.h"

namespace gpte {
namespace {

HeadSizes check_cached(const char* op, const Tensor& qkv, const Tensor& k_cache,
                       const Tensor& v_cache, const Tensor& segments, const Tensor& tables,
                       const Tensor& starts, int64_t heads, int64_t kv_heads) {
  const HeadSizes s = check_heads(op, qkv, heads, kv_heads);
  check(k_cache.shape().rank() == 4 && k_cache.dim(1) == s.K && k_cache.dim(2) == kCacheBlock &&
            k_cache.dim(3) == s.D,
        op, ": k_cache ", k_cache.shape(), " must be (blocks, ", s.K, ", ", kCacheBlock, ", ", s.D,
        ")");
  check_tensor(op, "k_cache", k_cache, k_cache.shape(), qkv.dtype());
  check_tensor(op, "v_cache", v_cache, k_cache.shape(), qkv.dtype());
  check_same_device(op, qkv, k_cache, v_cache, segments, tables, starts);
  check_segments(op, segments, qkv.dim(0));
  const int64_t B = segments.dim(0) - 1;
  check(tables.shape().rank() == 2, op, ": tables ", tables.shape(), " must be (", B, ", blocks)");
  check_tensor(op, "tables", tables, Shape{B, tables.dim(1)}, DType::i32);
  check_tensor(op, "starts", starts, Shape{B}, DType::i32);
  if (qkv.device() != Device::cpu) return s;
  const int32_t *at = segments.data<int32_t>(), *start = starts.data<int32_t>();
  const int64_t room = tables.dim(1) * kCacheBlock;
  for (int64_t b = 0; b < B; ++b) {
    const int64_t length = start[b] + int64_t(at[b + 1] - at[b]);
    check(start[b] >= 0 && length <= room, op, ": starts[", b, "] = ", start[b], " and ",
          at[b + 1] - at[b], " new tokens must fit into ", room, " positions");
    const int32_t* table = tables.data<int32_t>() + b * tables.dim(1);
    for (int64_t i = 0; i * kCacheBlock < length; ++i)
      check(table[i] >= 0 && table[i] < k_cache.dim(0), op, ": tables[", b, ", ", i,
            "] = ", table[i], " must be below ", k_cache.dim(0), " and not negative");
  }
  return s;
}

}  // namespace

void kv_cache_append(Tensor& k_cache, Tensor& v_cache, const Tensor& qkv, const Tensor& segments,
                     const Tensor& tables, const Tensor& starts, int64_t heads, int64_t kv_heads) {
  check_cached("kv_cache_append", qkv, k_cache, v_cache, segments, tables, starts, heads, kv_heads);
  GPTE_DISPATCH_CPU(
      "kv_cache_append", qkv.device(),
      kv_cache_append(k_cache, v_cache, qkv, segments, tables, starts, heads, kv_heads));
}

void attention_cached_forward(Tensor& y, const Tensor& qkv, const Tensor& k_cache,
                              const Tensor& v_cache, const Tensor& segments, const Tensor& tables,
                              const Tensor& starts, const Tensor& slopes, int64_t heads,
                              int64_t kv_heads, float scale, int64_t window) {
  const char* op = "attention_cached_forward";
  const HeadSizes s =
      check_cached(op, qkv, k_cache, v_cache, segments, tables, starts, heads, kv_heads);
  check_scale(op, scale);
  check_window(op, window, true);
  check_tensor(op, "y", y, Shape{qkv.dim(0), s.H * s.D}, qkv.dtype());
  if (slopes.defined()) check_tensor(op, "slopes", slopes, Shape{s.H}, DType::f32);
  check_same_device(op, qkv, y, slopes);
  GPTE_DISPATCH_CPU(op, qkv.device(),
                    attention_cached_forward(y, qkv, k_cache, v_cache, segments, tables, starts,
                                             slopes, heads, kv_heads, scale, window));
}

namespace cpu {

void kv_cache_append(Tensor& k_cache, Tensor& v_cache, const Tensor& qkv, const Tensor& segments,
                     const Tensor& tables, const Tensor& starts, int64_t heads, int64_t kv_heads) {
  const HeadSizes s = check_heads("kv_cache_append", qkv, heads, kv_heads);
  const int64_t B = segments.dim(0) - 1, T = tables.dim(1), element = size_of(qkv.dtype());
  const int64_t row = s.D * element, values = s.K * row;
  const int32_t *at = segments.data<int32_t>(), *start = starts.data<int32_t>();
  char *keys_to = static_cast<char*>(k_cache.raw()), *values_to = static_cast<char*>(v_cache.raw());
  for (int64_t b = 0; b < B; ++b)
    for (int64_t n = at[b]; n < at[b + 1]; ++n) {
      const char* key = static_cast<const char*>(qkv.raw()) + (n * s.width + s.H * s.D) * element;
      const int64_t t = start[b] + n - at[b];
      const int64_t block = tables.data<int32_t>()[b * T + t / kCacheBlock];
      for (int64_t k = 0; k < s.K; ++k, key += row) {
        const int64_t to = ((block * s.K + k) * kCacheBlock + t % kCacheBlock) * row;
        std::memcpy(keys_to + to, key, size_t(row));
        std::memcpy(values_to + to, key + values, size_t(row));
      }
    }
}

void attention_cached_forward(Tensor& y, const Tensor& qkv, const Tensor& k_cache,
                              const Tensor& v_cache, const Tensor& segments, const Tensor& tables,
                              const Tensor& starts, const Tensor& slopes, int64_t heads,
                              int64_t kv_heads, float scale, int64_t window) {
  const HeadSizes s = check_heads("attention_cached_forward", qkv, heads, kv_heads);
  const int32_t *at = segments.data<int32_t>(), *start = starts.data<int32_t>();
  visit_float("attention_cached_forward", qkv.dtype(), [&](auto type) {
    using E = typename decltype(type)::type;
    const auto& kernel = kernels().attention.get<E>();
    for_each_run(segments, s, [&](int64_t b, int64_t begin, int64_t end, int64_t head, int64_t n) {
      const int64_t key = head / s.group * kCacheBlock * s.D;
      AttentionTask<E> task;
      task.y = y.data<E>() + (begin * s.H + head) * s.D;
      task.lse = nullptr;
      task.q = qkv.data<E>() + begin * s.width + head * s.D;
      task.k = k_cache.data<E>() + key;
      task.v = v_cache.data<E>() + key;
      task.blocks = tables.data<int32_t>() + b * tables.dim(1);
      task.block_stride = s.K * kCacheBlock * s.D;
      task.slopes = slopes.defined() ? slopes.data<float>() + head : nullptr;
      task.y_stride = s.H * s.D;
      task.lse_stride = 0;
      task.q_stride = s.width;
      task.kv_stride = s.D;
      task.queries = end - begin;
      task.first = start[b] + begin - at[b];
      task.keys = task.first + task.queries;
      task.heads = n;
      task.D = s.D;
      task.scale = scale;
      task.causal = true;
      task.window = window;
      kernel.forward(task, scratch<float>(Scratch::attention, attention_forward_scratch(s.D)));
    });
  });
}

}  // namespace cpu
}  // namespace gpte
