// Keys and values of the tokens that were already read, one slot a sequence.
#pragma once

#include <vector>

#include "core/plan.h"
#include "model/config.h"

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
