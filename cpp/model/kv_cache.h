// Keys and values of the tokens that were already read, in blocks; see ops/attention_cached.h.
#pragma once

#include <cstring>
#include <vector>

#include "core/plan.h"
#include "model/config.h"
#include "ops/attention_cached.h"

namespace gpte {

struct KVCache {
  // type: float32, bfloat16, or uint8 for q8; see ops/attention_cached.h.
  KVCache(const GPTConfig& c, DType type, int64_t block_count, bool allocated = true)
      : config(c), dtype(type), blocks(block_count), layers(size_t(c.layers)) {
    check(blocks >= 1, "cache: blocks ", blocks, " must be at least 1");
    if (allocated) arena = allocate_together(*this);
  }

  // Copies what a block holds of all layers to another one.
  void copy(int64_t from, int64_t to) {
    check(from >= 0 && from < blocks && to >= 0 && to < blocks && from != to, "cache: blocks ",
          from, " and ", to, " must be two of ", blocks);
    for (Layer& layer : layers)
      for (Tensor* t : {&layer.k, &layer.v}) {
        const size_t bytes = size_t(t->bytes() / blocks);
        char* p = static_cast<char*>(t->raw());
        std::memcpy(p + size_t(to) * bytes, p + size_t(from) * bytes, bytes);
      }
  }

  struct Layer {
    Tensor k, v;  // (blocks, K, kCacheBlock, kept_row(D))
  };
  GPTConfig config;
  DType dtype;
  int64_t blocks;
  Tensor arena;
  std::vector<Layer> layers;

  template <class F>
  void visit(F&& f) {
    const Shape shape{blocks, config.kv_heads, kCacheBlock, kept_row(dtype, config.head_dim)};
    for (Layer& layer : layers) {
      f("k", layer.k, shape, dtype);
      f("v", layer.v, shape, dtype);
    }
  }
};

// What a cache takes, without allocating it.
inline int64_t cache_bytes(const GPTConfig& config, DType type, int64_t blocks) {
  KVCache plan(config, type, blocks, false);
  return planned_bytes(plan);
}

}  // namespace gpte
