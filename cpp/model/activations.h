// What a forward pass leaves behind, planned for a number of tokens before the first step.
#pragma once

#include <vector>

#include "core/plan.h"
#include "model/config.h"

namespace gpte {

// How much of a block is kept for backward. The rest lies in one set of tensors that all blocks
// share, and backward computes it again.
enum class Keep {
  all,       // recompute 0
  products,  // recompute 1: outputs of matrix products and attention; norms and activations again
             // (cheap)
  inputs,    // recompute 2: a block's input only; the whole block again
  nothing,   // inference: even the inputs of two blocks share
};

struct LayerActivations {
  Tensor x;             // (N, C) the block's input
  Tensor norm1, norm2;  // (N, C) pre-norm: a norm's output; post-norm: its input, a sum
  Tensor mean1, rstd1, mean2, rstd2;  // (N)
  Tensor qkv_raw;                     // (N, (H+2K)D) under qk_norm: before it
  Tensor q_rstd, k_rstd;              // (N, H), (N, K)
  Tensor qkv;                         // (N, (H+2K)D)
  Tensor attn, lse;                   // (N, HD), (N, H)
  Tensor mid;                         // (N, C) after attention
  Tensor pre, act;                    // (N, F or 2F), (N, F) before and after the activation

  template <class F>
  void for_each(F&& f) {
    for (Tensor* t : {&x, &norm1, &norm2, &mean1, &rstd1, &mean2, &rstd2, &qkv_raw, &q_rstd,
                      &k_rstd, &qkv, &attn, &lse, &mid, &pre, &act})
      f(*t);
  }
};

struct Activations {
  Activations(const GPTConfig& config, DType dtype, int64_t tokens, Keep keep,
              bool allocated = true);

  GPTConfig config;
  DType dtype;
  int64_t tokens;
  Keep keep;
  Tensor arena;
  std::vector<LayerActivations> layers;
  Tensor embedding;                       // (N, C) under embedding_norm: before it
  Tensor embedding_mean, embedding_rstd;  // (N)
  Tensor x;                               // (N, C) the last block's output
  Tensor norm, mean, rstd;                // (N, C), (N), (N) the final norm
  Tensor lse;                             // (N) of the output head

  // The same memory for fewer tokens.
  void keep_first(int64_t n);
  // The hidden states that the head reads.
  Tensor& hidden() { return config.norm_order == NormOrder::pre ? norm : x; }

  template <class F>
  void visit(F&& f);

 private:
  template <class F>
  void visit_layer(F&& f, LayerActivations& layer, bool shared);
};

// The gradients that flow through one block at a time.
struct Flow {
  Flow(const GPTConfig& config, DType dtype, int64_t tokens, bool allocated = true);

  GPTConfig config;
  DType dtype;
  int64_t tokens;
  Tensor arena;
  Tensor dx;     // (N, C) of the residual stream
  Tensor dnorm;  // (N, C) of a norm's output (pre-norm) or input (post-norm)
  // One half of a block is on its way at a time: the halves lie in the same memory.
  Tensor half;
  Tensor dpre, dact;             // MLP
  Tensor dqkv, dqkv_raw, dattn;  // attention

  void keep_first(int64_t n);

  template <class F>
  void visit(F&& f);

 private:
  struct MlpHalf;
  struct AttentionHalf;
};

// What the plans above take, without allocating them.
int64_t activation_bytes(const GPTConfig& config, DType dtype, int64_t tokens, Keep keep);
int64_t flow_bytes(const GPTConfig& config, DType dtype, int64_t tokens);

}  // namespace gpte
