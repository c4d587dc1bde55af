#include "model/block.h"

#include <cmath>
#include <utility>

#include "ops/activation.h"
#include "ops/add.h"
#include "ops/attention.h"
#include "ops/attention_cached.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/qk_norm.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "ops/swiglu.h"

namespace gpte {
namespace {

const Tensor kNone;
Tensor none;  // an output that is not wanted

bool is_pre_norm(const GPTConfig& c) {
  return c.norm_order == NormOrder::pre;
}
float attention_scale(const GPTConfig& c) {
  return 1 / std::sqrt(float(c.head_dim));
}

void attention_half_forward(LayerActivations& a, const LayerParams& w, const GPTConfig& c,
                            const Pass& pass, int64_t window, KVCache::Layer* cache) {
  const bool pre_norm = is_pre_norm(c);
  if (pre_norm) norm_forward(c, a.norm1, a.mean1, a.rstd1, a.x, w.norm1_w, w.norm1_b);
  linear_forward(c.qk_norm ? a.qkv_raw : a.qkv, none, pre_norm ? a.norm1 : a.x, w.qkv_w, w.qkv_b,
                 kNone, Activation::none);
  if (c.qk_norm)
    qk_norm_forward(a.qkv, a.q_rstd, a.k_rstd, a.qkv_raw, w.q_norm_w, w.k_norm_w, c.heads,
                    c.kv_heads, c.norm_eps);
  if (c.position == Position::rope)
    rope_forward(a.qkv, pass.positions, pass.rope_cos, pass.rope_sin, c.heads, c.kv_heads);
  if (cache) {
    kv_cache_append(cache->k, cache->v, a.qkv, pass.segments, pass.tables, pass.starts, c.heads,
                    c.kv_heads);
    attention_cached_forward(a.attn, a.qkv, cache->k, cache->v, pass.segments, pass.tables,
                             pass.starts, pass.slopes, c.heads, c.kv_heads, attention_scale(c),
                             window);
  } else {
    attention_forward(a.attn, a.lse, a.qkv, pass.segments, pass.slopes, c.heads, c.kv_heads,
                      attention_scale(c), c.causal, window);
  }
  linear_forward(pre_norm ? a.mid : a.norm1, none, a.attn, w.proj_w, w.proj_b, a.x,
                 Activation::none);
  if (!pre_norm) norm_forward(c, a.mid, a.mean1, a.rstd1, a.norm1, w.norm1_w, w.norm1_b);
}

void mlp_half_forward(Tensor& next, LayerActivations& a, const LayerParams& w, const GPTConfig& c) {
  const bool pre_norm = is_pre_norm(c);
  if (pre_norm) norm_forward(c, a.norm2, a.mean2, a.rstd2, a.mid, w.norm2_w, w.norm2_b);
  const Tensor& in = pre_norm ? a.norm2 : a.mid;
  if (c.activation == Activation::swiglu) {
    linear_forward(a.pre, none, in, w.fc_w, w.fc_b, kNone, Activation::none);
    swiglu_forward(a.act, a.pre);
  } else {
    linear_forward(a.act, a.pre, in, w.fc_w, w.fc_b, kNone, c.activation);
  }
  if (pre_norm && !next.defined()) return;
  linear_forward(pre_norm ? next : a.norm2, none, a.act, w.mlp_proj_w, w.mlp_proj_b, a.mid,
                 Activation::none);
  if (!pre_norm) norm_forward(c, next, a.mean2, a.rstd2, a.norm2, w.norm2_w, w.norm2_b);
}

// The tensors that blocks share hold another block's values: compute this one's again.
void restore(Flow& flow, LayerActivations& a, const LayerParams& w, const GPTConfig& c,
             const Pass& pass, int64_t window) {
  if (pass.keep == Keep::inputs) {
    attention_half_forward(a, w, c, pass, window, nullptr);
    mlp_half_forward(is_pre_norm(c) ? none : flow.dnorm, a, w,
                     c);  // post-norm: dnorm is free scratch here
  } else if (pass.keep == Keep::products) {
    if (is_pre_norm(c)) {
      norm_forward(c, a.norm1, a.mean1, a.rstd1, a.x, w.norm1_w, w.norm1_b);
      norm_forward(c, a.norm2, a.mean2, a.rstd2, a.mid, w.norm2_w, w.norm2_b);
    }
    if (c.activation == Activation::swiglu)
      swiglu_forward(a.act, a.pre);
    else
      activation_forward(a.act, a.pre, c.activation);
  }
}

// Post-norm: the residual stream passes through the norm. flow.dx goes from its output to its
// input.
void norm_stream_backward(Flow& flow, Tensor& dw, Tensor& db, const Tensor& x, const Tensor& w,
                          const Tensor& mean, const Tensor& rstd, const GPTConfig& c) {
  flow.dnorm.zero();
  norm_backward(c, flow.dnorm, dw, db, flow.dx, x, w, mean, rstd);
  std::swap(flow.dx, flow.dnorm);
}

void mlp_half_backward(Flow& flow, LayerActivations& a, LayerParams& dw, const LayerParams& w,
                       const GPTConfig& c) {
  const bool pre_norm = is_pre_norm(c);
  if (!pre_norm)
    norm_stream_backward(flow, dw.norm2_w, dw.norm2_b, a.norm2, w.norm2_w, a.mean2, a.rstd2, c);
  linear_backward_weight(dw.mlp_proj_w, dw.mlp_proj_b, flow.dx, a.act);
  if (c.activation == Activation::swiglu) {
    linear_backward_input(flow.dact, flow.dx, w.mlp_proj_w, kNone, Activation::none);
    swiglu_backward(flow.dpre, flow.dact, a.pre);
  } else {
    linear_backward_input(flow.dpre, flow.dx, w.mlp_proj_w, a.pre, c.activation);
  }
  linear_backward_weight(dw.fc_w, dw.fc_b, flow.dpre, pre_norm ? a.norm2 : a.mid);
  linear_backward_input(flow.dnorm, flow.dpre, w.fc_w, kNone, Activation::none);
  if (pre_norm)
    norm_backward(c, flow.dx, dw.norm2_w, dw.norm2_b, flow.dnorm, a.mid, w.norm2_w, a.mean2,
                  a.rstd2);
  else
    add(flow.dx, flow.dnorm);
}

void attention_half_backward(Flow& flow, LayerActivations& a, LayerParams& dw, const LayerParams& w,
                             const GPTConfig& c, const Pass& pass, int64_t window) {
  const bool pre_norm = is_pre_norm(c);
  if (!pre_norm)
    norm_stream_backward(flow, dw.norm1_w, dw.norm1_b, a.norm1, w.norm1_w, a.mean1, a.rstd1, c);
  linear_backward_weight(dw.proj_w, dw.proj_b, flow.dx, a.attn);
  linear_backward_input(flow.dattn, flow.dx, w.proj_w, kNone, Activation::none);
  attention_backward(flow.dqkv, flow.dattn, a.qkv, a.attn, a.lse, pass.segments, pass.slopes,
                     c.heads, c.kv_heads, attention_scale(c), c.causal, window);
  if (c.position == Position::rope)
    rope_backward(flow.dqkv, pass.positions, pass.rope_cos, pass.rope_sin, c.heads, c.kv_heads);
  if (c.qk_norm)
    qk_norm_backward(flow.dqkv_raw, dw.q_norm_w, dw.k_norm_w, flow.dqkv, a.qkv_raw, w.q_norm_w,
                     w.k_norm_w, a.q_rstd, a.k_rstd, c.heads, c.kv_heads);
  const Tensor& dqkv = c.qk_norm ? flow.dqkv_raw : flow.dqkv;
  linear_backward_weight(dw.qkv_w, dw.qkv_b, dqkv, pre_norm ? a.norm1 : a.x);
  linear_backward_input(flow.dnorm, dqkv, w.qkv_w, kNone, Activation::none);
  if (pre_norm)
    norm_backward(c, flow.dx, dw.norm1_w, dw.norm1_b, flow.dnorm, a.x, w.norm1_w, a.mean1, a.rstd1);
  else
    add(flow.dx, flow.dnorm);
}

}  // namespace

void norm_forward(const GPTConfig& c, Tensor& y, Tensor& mean, Tensor& rstd, const Tensor& x,
                  const Tensor& w, const Tensor& b) {
  if (c.norm == Norm::layer)
    layer_norm_forward(y, mean, rstd, x, w, b, c.norm_eps);
  else
    rms_norm_forward(y, rstd, x, w, c.norm_eps);
}

void norm_backward(const GPTConfig& c, Tensor& dx, Tensor& dw, Tensor& db, const Tensor& dy,
                   const Tensor& x, const Tensor& w, const Tensor& mean, const Tensor& rstd) {
  if (c.norm == Norm::layer)
    layer_norm_backward(dx, dw, db, dy, x, w, mean, rstd);
  else
    rms_norm_backward(dx, dw, dy, x, w, rstd);
}

void block_forward(Tensor& next, LayerActivations& a, const LayerParams& w, const GPTConfig& config,
                   const Pass& pass, int64_t window, KVCache::Layer* cache) {
  attention_half_forward(a, w, config, pass, window, cache);
  mlp_half_forward(next, a, w, config);
}

void block_backward(Flow& flow, LayerActivations& a, LayerParams& dw, const LayerParams& w,
                    const GPTConfig& config, const Pass& pass, int64_t window) {
  restore(flow, a, w, config, pass, window);
  mlp_half_backward(flow, a, dw, w, config);
  attention_half_backward(flow, a, dw, w, config, pass, window);
}

}  // namespace gpte
