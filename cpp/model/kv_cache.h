// Keys and values of the tokens that were already read, one slot a sequence.
#pragma once

#include <vector>

#include "core/plan.h"
#include "model/config.h"
#include "ops/kv_cache_copy.h"

namespace gpte {

struct KVCache {
  KVCache(const GPTConfig& c, DType type, int64_t slot_count, int64_t length)
      : config(c), dtype(type), slots(slot_count), context(length), layers(size_t(c.layers)) {
    arena = allocate_together(*this);
  }

  struct Layer {
    Tensor k, v;  // (slots, K, context, D)
  };
  GPTConfig config;
  DType dtype;
  int64_t slots, context;
  Tensor arena;
  std::vector<Layer> layers;

  // The first tokens of slots are copied to other slots; see ops/kv_cache_copy.h.
  void copy(const Tensor& sources, const Tensor& targets, const Tensor& lengths) {
    for (Layer& layer : layers) {
      kv_cache_copy(layer.k, sources, targets, lengths);
      kv_cache_copy(layer.v, sources, targets, lengths);
    }
  }

  template <class F>
  void visit(F&& f) {
    const Shape shape{slots, config.kv_heads, context, config.head_dim};
    for (Layer& layer : layers) {
      f("k", layer.k, shape, dtype);
      f("v", layer.v, shape, dtype);
    }
  }
};

}  // namespace gpte
