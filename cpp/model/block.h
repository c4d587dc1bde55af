// One transformer block, forward and backward.
//   pre-norm:  mid = x + attention(norm1(x))      next = mid + mlp(norm2(mid))
//   post-norm: mid = norm1(x + attention(x))      next = norm2(mid + mlp(mid))
#pragma once

#include "model/activations.h"
#include "model/kv_cache.h"
#include "model/params.h"

namespace gpte {

// What every block of a pass reads alike.
struct Pass {
  Tensor segments;            // (B+1) i32
  Tensor positions;           // (N) i32, within each segment
  Tensor types;               // (N) i32, of the tokens, where they have any
  Tensor rope_cos, rope_sin;  // (T, D/2)
  Tensor slopes;              // (H), ALiBi
  Keep keep = Keep::nothing;
  Tensor tables, starts;  // (B, T), (B) i32, with a cache
};

// next may be undefined: then only what backward needs is computed (pre-norm). window: the layer's.
void block_forward(Tensor& next, LayerActivations& a, const LayerParams& w, const GPTConfig& config,
                   const Pass& pass, int64_t window, KVCache::Layer* cache);

// flow.dx holds d(loss)/d(next) and becomes d(loss)/dx; adds to the gradients dw.
void block_backward(Flow& flow, LayerActivations& a, LayerParams& dw, const LayerParams& w,
                    const GPTConfig& config, const Pass& pass, int64_t window);

void norm_forward(const GPTConfig& config, Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x,
                  const Tensor& w, const Tensor& b);
void norm_backward(const GPTConfig& config, Tensor& dx, Tensor& dw, Tensor& db, const Tensor& dy,
                   const Tensor& x, const Tensor& w, const Tensor& mean, const Tensor& rstd);

}  // namespace gpte
