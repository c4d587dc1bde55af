// What a transformer is made of; the fields and names of gptengine.Config.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/activation_kind.h"
#include "ops/positions.h"

namespace gpte {

enum class Norm { layer, rms };
enum class NormOrder { pre, post };
enum class Position { learned, sinusoidal, rope, alibi };
enum class Head { lm, value, reward };

struct GPTConfig {
  int64_t vocab_size = 0, context_length = 0, layers = 0, heads = 0, kv_heads = 0;
  int64_t model_dim = 0, head_dim = 0, hidden_dim = 0;
  Norm norm = Norm::layer;
  NormOrder norm_order = NormOrder::pre;
  float norm_eps = 1e-5f;
  Position position = Position::learned;
  float rope_theta = 10000;
  Activation activation = Activation::gelu_tanh;
  bool bias = true, qkv_bias = true, tied = true, qk_norm = false, causal = true;
  Head head = Head::lm;
  // Keys that a token attends to, itself one of them, in each layer; 0 for all before it.
  std::vector<int64_t> windows;
  RopeScaling rope_scaling;
  bool embedding_norm = false;  // a norm between the embedding and the first block
  int64_t token_types = 0;      // rows of the type table; 0 for none

  int64_t qkv_dim() const { return (heads + 2 * kv_heads) * head_dim; }
  int64_t attention_dim() const { return heads * head_dim; }
  // Rows of the first MLP matrix: swiglu computes gate and up in one product.
  int64_t fc_dim() const { return activation == Activation::swiglu ? 2 * hidden_dim : hidden_dim; }
  bool norm_bias() const { return norm == Norm::layer && bias; }
};

}  // namespace gpte
