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
            k_cache.dim(3) == kept_row(k_cache.dtype(), s.D),
        op, ": k_cache ", k_cache.shape(), " must be (blocks, ", s.K, ", ", kCacheBlock, ", ",
        kept_row(k_cache.dtype(), s.D), ")");
  check_tensor(op, "v_cache", v_cache, k_cache.shape(), k_cache.dtype());
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

// How rows are kept that are not of type T, else null.
template <class T>
const CacheRows<T>* kept_rows(DType kept) {
  const CacheKernels<T>& kernel = kernels().cache.get<T>();
  if (kept == dtype_of<T>::value) return nullptr;
  return kept == DType::f32 ? &kernel.f32 : kept == DType::bf16 ? &kernel.bf16 : &kernel.q8;
}

}  // namespace

int64_t kept_row(DType kept, int64_t D) {
  check(kept == DType::f32 || kept == DType::bf16 || kept == DType::u8, "cache: dtype ", kept,
        " must be float32, bfloat16 or uint8");
  return kept == DType::u8 ? q8_row_bytes(D) : D;
}

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
  const int64_t B = segments.dim(0) - 1, T = tables.dim(1);
  const int64_t row = k_cache.dim(3) * size_of(k_cache.dtype());  // bytes
  const int32_t *at = segments.data<int32_t>(), *start = starts.data<int32_t>();
  char *keys_to = static_cast<char*>(k_cache.raw()), *values_to = static_cast<char*>(v_cache.raw());
  visit_float("kv_cache_append", qkv.dtype(), [&](auto type) {
    using E = typename decltype(type)::type;
    const CacheRows<E>* kept = kept_rows<E>(k_cache.dtype());
    const auto turn = kernels().attention.get<E>().turn_key;
    // Token by token, as they lie: a key's elements go to lines that the next token writes too.
    parallel_for(at[B] * s.K, even_grain(at[B] * s.K, 64), [&](int64_t begin, int64_t end) {
      int64_t b = std::upper_bound(at, at + B, int32_t(begin / s.K)) - at - 1;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t n = i / s.K, k = i % s.K;
        while (n >= at[b + 1]) ++b;
        const E* key = qkv.data<E>() + n * s.width + (s.H + k) * s.D;
        const E* value = key + s.K * s.D;
        const int64_t t = start[b] + n - at[b], position = t % kCacheBlock;
        const int64_t block = tables.data<int32_t>()[b * T + t / kCacheBlock];
        const int64_t head = (block * s.K + k) * kCacheBlock * row, own = head + position * row;
        if (kept) {
          kept->keep(keys_to + own, key, s.D);
          kept->keep(values_to + own, value, s.D);
        } else {
          turn(reinterpret_cast<E*>(keys_to + head), key, position, s.D);
          std::memcpy(values_to + own, value, size_t(row));
        }
      }
    });
  });
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
    const CacheRows<E>* kept = kept_rows<E>(k_cache.dtype());
    const int64_t block = s.K * kCacheBlock * k_cache.dim(3);  // elements of the cache
    const int64_t element = size_of(k_cache.dtype());
    for_each_run(segments, s, [&](int64_t b, int64_t begin, int64_t end, int64_t head, int64_t n) {
      const int64_t key = head / s.group * kCacheBlock * k_cache.dim(3);
      AttentionTask<E> task;
      task.y = y.data<E>() + (begin * s.H + head) * s.D;
      task.lse = nullptr;
      task.q = qkv.data<E>() + begin * s.width + head * s.D;
      task.k = kept ? nullptr : k_cache.data<E>() + key;
      task.v = kept ? nullptr : v_cache.data<E>() + key;
      task.widen = kept ? kept->widen : nullptr;
      task.kept_k = static_cast<const char*>(k_cache.raw()) + key * element;
      task.kept_v = static_cast<const char*>(v_cache.raw()) + key * element;
      task.blocks = tables.data<int32_t>() + b * tables.dim(1);
      task.block_stride = kept ? block * element : block;
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
