// The tensors of a transformer, listed once: the list sizes the arena, names the checkpoint entries
// and walks the optimizer. The same struct holds weights, gradients and both moments of the
// optimizer.
#pragma once

#include <string>
#include <vector>

#include "core/plan.h"
#include "model/config.h"
#include "ops/linear.h"
#include "ops/quantized.h"

namespace gpte {

struct LayerParams {
  Tensor norm1_w, norm1_b;    // (C)
  Tensor qkv_w, qkv_b;        // ((H+2K)D, C): rows of the query heads, then key, then value heads
  Tensor q_norm_w, k_norm_w;  // (D)
  Tensor proj_w, proj_b;      // (C, HD)
  Tensor norm2_w, norm2_b;    // (C)
  Tensor fc_w, fc_b;          // (F, C); swiglu: (2F, C) = [gate; up]
  Tensor mlp_proj_w, mlp_proj_b;  // (C, F)
};

struct Params {
  explicit Params(const GPTConfig& c) : config(c), layers(size_t(c.layers)) {}

  GPTConfig config;
  Tensor wte, wpe, wtt, lm_head;              // (V, C), (T, C), (token types, C), (V, C)
  Tensor head_w, head_b;                      // (1, C), (1): value or reward
  Tensor embedding_norm_w, embedding_norm_b;  // (C)
  Tensor norm_w, norm_b;                      // (C)
  std::vector<LayerParams> layers;

  // The matrix from hidden states to logits.
  Tensor& output() { return config.tied ? wte : lm_head; }
  const Tensor& output() const { return config.tied ? wte : lm_head; }

  // f(name, tensor, shape). Matrices come first: they decay, and they are what bf16 copies.
  template <class F>
  void visit_matrices(F&& f) {
    const GPTConfig& c = config;
    const int64_t C = c.model_dim, V = c.vocab_size;
    f("wte", wte, Shape{V, C});
    if (c.position == Position::learned) f("wpe", wpe, Shape{c.context_length, C});
    if (c.token_types) f("wtt", wtt, Shape{c.token_types, C});
    for (size_t i = 0; i < layers.size(); ++i) {
      const std::string h = "h." + std::to_string(i) + ".";
      LayerParams& l = layers[i];
      f(h + "attn.qkv.weight", l.qkv_w, Shape{c.qkv_dim(), C});
      f(h + "attn.proj.weight", l.proj_w, Shape{C, c.attention_dim()});
      f(h + "mlp.fc.weight", l.fc_w, Shape{c.fc_dim(), C});
      f(h + "mlp.proj.weight", l.mlp_proj_w, Shape{C, c.hidden_dim});
    }
    if (c.head == Head::lm) {
      if (!c.tied) f("lm_head.weight", lm_head, Shape{V, C});
    } else {
      f("head.weight", head_w, Shape{1, C});
    }
  }
  template <class F>
  void visit_vectors(F&& f) {
    const GPTConfig& c = config;
    const Shape C{c.model_dim}, D{c.head_dim};
    if (c.embedding_norm) f("embedding_norm.weight", embedding_norm_w, C);
    if (c.embedding_norm && c.norm_bias()) f("embedding_norm.bias", embedding_norm_b, C);
    for (size_t i = 0; i < layers.size(); ++i) {
      const std::string h = "h." + std::to_string(i) + ".";
      LayerParams& l = layers[i];
      f(h + "norm1.weight", l.norm1_w, C);
      if (c.norm_bias()) f(h + "norm1.bias", l.norm1_b, C);
      if (c.qkv_bias) f(h + "attn.qkv.bias", l.qkv_b, Shape{c.qkv_dim()});
      if (c.qk_norm) f(h + "attn.q_norm.weight", l.q_norm_w, D);
      if (c.qk_norm) f(h + "attn.k_norm.weight", l.k_norm_w, D);
      if (c.bias) f(h + "attn.proj.bias", l.proj_b, C);
      f(h + "norm2.weight", l.norm2_w, C);
      if (c.norm_bias()) f(h + "norm2.bias", l.norm2_b, C);
      if (c.bias) f(h + "mlp.fc.bias", l.fc_b, Shape{c.fc_dim()});
      if (c.bias) f(h + "mlp.proj.bias", l.mlp_proj_b, C);
    }
    if (c.norm_order == NormOrder::pre) {
      f("norm.weight", norm_w, C);
      if (c.norm_bias()) f("norm.bias", norm_b, C);
    }
    if (c.head != Head::lm) f("head.bias", head_b, Shape{1});
  }
  // For core/plan.h: everything in float32.
  template <class F>
  void visit(F&& f) {
    const auto plan = [&](const std::string& name, Tensor& t, const Shape& shape) {
      f(name, t, shape, DType::f32);
    };
    visit_matrices(plan);
    visit_vectors(plan);
  }
};

// What a model that only decodes keeps in float32: all that is no matrix of a product.
struct Unpacked {
  Params& params;
  template <class F>
  void visit(F&& f) {
    const auto plan = [&](const std::string& name, Tensor& t, const Shape& shape) {
      if (!is_packed(name)) f(name, t, shape, DType::f32);
    };
    params.visit_matrices(plan);
    params.visit_vectors([&](const std::string& name, Tensor& t, const Shape& shape) {
      f(name, t, shape, DType::f32);
    });
  }
  static bool is_packed(const std::string& matrix) {
    return matrix != "wpe" && matrix != "wtt" && matrix != "head.weight";
  }
};

// The others, as ops/quantized.h lays them out.
struct Quantized {
  Params& params;
  int bits;
  template <class F>
  void visit(F&& f) {
    params.visit_matrices([&](const std::string& name, Tensor& t, const Shape& shape) {
      if (Unpacked::is_packed(name)) f(name, t, quantized_shape(shape, bits), DType::u8);
    });
  }
};

// The same as the panels of ops/linear.h. The output matrix goes to lm_head, tied or not: looking
// up embeddings needs the plain one.
struct Panels {
  Params& params;
  DType dtype;
  template <class F>
  void visit(F&& f) {
    const bool wte_is_output = params.config.tied && params.config.head == Head::lm;
    params.visit_matrices([&](const std::string& name, Tensor& t, const Shape& shape) {
      if (!Unpacked::is_packed(name) || (name == "wte" && !wte_is_output)) return;
      f(name, name == "wte" ? params.lm_head : t, packed_shape(shape, dtype), dtype);
    });
  }
};

// The matrices of p in another type, for core/plan.h.
struct Matrices {
  Params& params;
  DType dtype;
  template <class F>
  void visit(F&& f) {
    params.visit_matrices(
        [&](const std::string& name, Tensor& t, const Shape& shape) { f(name, t, shape, dtype); });
  }
};

}  // namespace gpte
