#include "model/activations.h"

#include <algorithm>

namespace gpte {
namespace {

void keep_rows(Tensor& t, int64_t n) {
  if (t.defined()) t = t.rows(0, n);
}

}  // namespace

// Lists the tensors of a layer that are its own (shared = false) or that all layers share.
template <class F>
void Activations::visit_layer(F&& f, LayerActivations& l, bool shared) {
  const GPTConfig& c = config;
  const int64_t N = tokens, C = c.model_dim;
  const Shape stream{N, C}, row{N};
  const bool pre_norm = c.norm_order == NormOrder::pre, swiglu = c.activation == Activation::swiglu;
  // A tensor is a layer's own when at least `kept` is kept.
  const auto plan = [&](Keep kept, Tensor& t, const Shape& shape, DType type) {
    if ((keep > kept) == shared) f("", t, shape, type);
  };
  if (keep != Keep::nothing) plan(Keep::inputs, l.x, stream, dtype);
  plan(pre_norm ? Keep::all : Keep::products, l.norm1, stream, dtype);
  plan(pre_norm ? Keep::all : Keep::products, l.norm2, stream, dtype);
  for (Tensor* t : {&l.mean1, &l.rstd1, &l.mean2, &l.rstd2})
    plan(Keep::products, *t, row, DType::f32);
  if (c.qk_norm) {
    plan(Keep::products, l.qkv_raw, Shape{N, c.qkv_dim()}, dtype);
    plan(Keep::products, l.q_rstd, Shape{N, c.heads}, DType::f32);
    plan(Keep::products, l.k_rstd, Shape{N, c.kv_heads}, DType::f32);
  }
  plan(Keep::products, l.qkv, Shape{N, c.qkv_dim()}, dtype);
  plan(Keep::products, l.attn, Shape{N, c.attention_dim()}, dtype);
  plan(Keep::products, l.lse, Shape{N, c.heads}, DType::f32);
  plan(Keep::products, l.mid, stream, dtype);
  // Inference without a gated activation needs no `pre`: the product's epilogue applies it.
  if (keep != Keep::nothing || swiglu) plan(Keep::products, l.pre, Shape{N, c.fc_dim()}, dtype);
  plan(Keep::all, l.act, Shape{N, c.hidden_dim}, dtype);
}

template <class F>
void Activations::visit(F&& f) {
  const Shape stream{tokens, config.model_dim}, row{tokens};
  visit_layer(f, layers[0], true);  // the shared set lives in the first layer
  for (LayerActivations& layer : layers) visit_layer(f, layer, false);
  // Inference ping-pongs between two streams.
  if (keep == Keep::nothing) f("", layers[0].x, stream, dtype);
  if (config.embedding_norm) {
    f("", embedding, stream, dtype);
    f("", embedding_mean, row, DType::f32);
    f("", embedding_rstd, row, DType::f32);
  }
  f("", x, stream, dtype);
  if (config.norm_order == NormOrder::pre) f("", norm, stream, dtype);
  f("", mean, row, DType::f32);
  f("", rstd, row, DType::f32);
  f("", lse, row, DType::f32);
}

Activations::Activations(const GPTConfig& c, DType type, int64_t n, Keep k, bool allocated)
    : config(c), dtype(type), tokens(n), keep(k), layers(size_t(c.layers)) {
  if (!allocated) return;
  arena = allocate_together(*this);
  std::vector<Tensor> shared;
  visit_layer([&](const char*, Tensor& t, const Shape&, DType) { shared.push_back(t); }, layers[0],
              true);
  for (size_t i = 1; i < layers.size(); ++i) {
    size_t next = 0;
    visit_layer([&](const char*, Tensor& t, const Shape&, DType) { t = shared[next++]; }, layers[i],
                true);
    if (keep == Keep::nothing) layers[i].x = layers[0].x;
  }
}

void Activations::keep_first(int64_t n) {
  tokens = n;
  for (LayerActivations& layer : layers) layer.for_each([n](Tensor& t) { keep_rows(t, n); });
  for (Tensor* t : {&embedding, &embedding_mean, &embedding_rstd, &x, &norm, &mean, &rstd, &lse})
    keep_rows(*t, n);
}

struct Flow::MlpHalf {
  Flow& flow;

  template <class F>
  void visit(F&& f) {
    const GPTConfig& c = flow.config;
    f("", flow.dpre, Shape{flow.tokens, c.fc_dim()}, flow.dtype);
    if (c.activation == Activation::swiglu)
      f("", flow.dact, Shape{flow.tokens, c.hidden_dim}, flow.dtype);
  }
};

struct Flow::AttentionHalf {
  Flow& flow;

  template <class F>
  void visit(F&& f) {
    const GPTConfig& c = flow.config;
    f("", flow.dqkv, Shape{flow.tokens, c.qkv_dim()}, flow.dtype);
    if (c.qk_norm) f("", flow.dqkv_raw, Shape{flow.tokens, c.qkv_dim()}, flow.dtype);
    f("", flow.dattn, Shape{flow.tokens, c.attention_dim()}, flow.dtype);
  }
};

template <class F>
void Flow::visit(F&& f) {
  const Shape stream{tokens, config.model_dim};
  MlpHalf mlp{*this};
  AttentionHalf attention{*this};
  f("", dx, stream, dtype);
  f("", dnorm, stream, dtype);
  f("", half, Shape{std::max(planned_bytes(mlp), planned_bytes(attention))}, DType::u8);
}

Flow::Flow(const GPTConfig& c, DType type, int64_t n, bool allocated)
    : config(c), dtype(type), tokens(n) {
  if (!allocated) return;
  arena = allocate_together(*this);
  MlpHalf mlp{*this};
  AttentionHalf attention{*this};
  lay_out(mlp, half);
  lay_out(attention, half);
}

void Flow::keep_first(int64_t n) {
  tokens = n;
  for (Tensor* t : {&dx, &dnorm, &dqkv, &dqkv_raw, &dattn, &dpre, &dact}) keep_rows(*t, n);
}

int64_t activation_bytes(const GPTConfig& config, DType dtype, int64_t tokens, Keep keep) {
  Activations plan(config, dtype, tokens, keep, false);
  return planned_bytes(plan);
}

int64_t flow_bytes(const GPTConfig& config, DType dtype, int64_t tokens) {
  Flow plan(config, dtype, tokens, false);
  return planned_bytes(plan);
}

}  // namespace gpte
