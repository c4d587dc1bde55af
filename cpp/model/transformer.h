// The one transformer: weights, forward, backward and the optimizer's step over packed tokens.
#pragma once

#include <memory>
#include <optional>

#include "core/turns.h"
#include "model/activations.h"
#include "model/block.h"
#include "model/kv_cache.h"
#include "model/params.h"

namespace gpte {

struct StepOptions {
  float lr, weight_decay, clip, beta1, beta2, eps;
};

// What attention read and summed in every layer of a pass.
struct AttentionSeen {
  Tensor qkv;     // (L, N, (H+2K)D) of the compute type, after qk_norm and rope
  Tensor lse;     // (L, N, H) f32
  Tensor slopes;  // (H) f32 under ALiBi, else undefined

  void copy(int64_t layer, const LayerActivations& from);
};

class Transformer {
 public:
  // trainable: float32 weights and all that training needs. Else the matrices come in by set_matrix
  // and are kept once, as decoding reads them: of 8 or 4 bits a weight, or for bits 0 as panels of
  // the compute type beside the embedding.
  // GPT-2's initialisation: N(0, 0.02), residual projections divided by sqrt(2 layers), norms 1,
  // biases 0. Without a seed all weights are 0, for a caller that writes them.
  Transformer(const GPTConfig& config, DType dtype, std::optional<uint64_t> seed, Keep keep,
              int bits = 0, bool trainable = true);

  // Plans memory for passes of up to `tokens`; a longer pass grows it. Training needs gradients and
  // flow.
  void reserve(int64_t tokens, bool training);

  // tokens: (N) i32   segments: (B+1) i32
  // hidden: (N, C) of the compute type, valid until the next pass
  // keep_for_backward = false leaves nothing behind (evaluation).
  // types: (N) i32 below token_types, undefined for all 0; so in every pass
  Tensor hidden(const Tensor& tokens, const Tensor& segments, bool keep_for_backward,
                const Tensor& types);
  // logp: (N) f32   targets: (N) i32, negative ones are ignored
  void logprob(Tensor& logp, const Tensor& tokens, const Tensor& targets, const Tensor& segments,
               bool keep_for_backward, const Tensor& types);
  // values: (N) f32 of a value or reward head, one a token. A reward is the value of a segment's
  // last token: which rows count is the caller's choice.
  void values(Tensor& values, const Tensor& tokens, const Tensor& segments, bool keep_for_backward,
              const Tensor& types);
  // logits: (R, V) f32 of the rows (R) i32 of a pass
  void logits(Tensor& logits, const Tensor& tokens, const Tensor& segments, const Tensor& rows,
              const Tensor& types);
  // The same for new tokens of sequences in the cache; see ops/attention_cached.h.
  void decode(Tensor& logits, KVCache& cache, const Tensor& tokens, const Tensor& segments,
              const Tensor& tables, const Tensor& starts, const Tensor& rows);
  // `logprob` as a cache has it, which keeps the keys and values of the tokens in its type.
  void cached_logprob(Tensor& logp, KVCache& cache, const Tensor& tokens, const Tensor& targets,
                      const Tensor& segments, const Tensor& tables, const Tensor& starts);
  // A pass over the tokens, for looking inside: copies, and nothing is kept for backward.
  AttentionSeen attention(const Tensor& tokens, const Tensor& segments);
  // Lays the weights out for decoding, which its first call does otherwise.
  void prepare_decoding();

  // After a pass that kept: adds to the gradients of every weight.
  void backward_logprob(const Tensor& dlogp);
  void backward_values(const Tensor& dvalues);
  // Both passes at once, for a dlogp known beforehand: the logits are computed once, with the same
  // bits.
  void forward_backward(Tensor& logp, const Tensor& tokens, const Tensor& targets,
                        const Tensor& segments, const Tensor& dlogp, const Tensor& types);

  float gradient_norm();
  void zero_gradients();
  // One AdamW step on the accumulated gradients, which become zero; returns their norm before
  // clipping.
  float step(const StepOptions& options);
  // Call after writing to the weights: refreshes the bf16 copies of the matrices.
  void weights_changed();
  // Lays out a matrix of a model that is not trainable, f32 of the shape that Params give it; false
  // if there is none of that name.
  bool set_matrix(const std::string& name, const Tensor& matrix);

  // A pass writes memory that all passes of this transformer share: callers on several threads take
  // a turn for each call.
  Turns& turns() { return turns_; }
  Params& weights() { return weights_; }
  const Tensor& embedding() const { return compute_.wte; }
  Params& gradients() { return reserve_training(), gradients_; }
  Params& first_moment() { return reserve_training(), first_moment_; }
  Params& second_moment() { return reserve_training(), second_moment_; }
  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps) { steps_ = steps; }
  int64_t num_parameters();

 private:
  void check_trainable() const;
  void allocate_packed();
  void set_panels(const std::string& name, const Tensor& matrix);
  void initialise(uint64_t seed);
  void reserve_training();
  Activations& start_pass(const Tensor& tokens, const Tensor& types, const Tensor& segments,
                          const Tensor& starts, bool keep_for_backward);
  void hold_types(const Tensor& types, int64_t N);
  void forget_pass();
  void run_trunk(Activations& a, const Params& params, const Pass& pass, KVCache* cache,
                 AttentionSeen* seen = nullptr);
  Activations& run_cached(const Params& params, KVCache& cache, const Tensor& tokens,
                          const Tensor& segments, const Tensor& tables, const Tensor& starts);
  void check_targets(const Tensor& tokens, const Tensor& targets) const;
  void hidden_towards(const Tensor& targets, const Tensor& tokens, const Tensor& segments,
                      bool keep_for_backward, const Tensor& types);
  void start_backward(bool& ready, const Tensor& gradient);
  void backward_trunk();
  // The bf16 copy of all matrices as one vector.
  Tensor matrix_copy() const;
  // What whole passes read, and what decoding does: the matrices as panels, laid out at the first
  // call after the weights changed. Those of a model that only decodes serve both. In all of them
  // lm_head is the matrix to logits, tied or not.
  const Params& plain_weights() const { return trainable_ ? compute_ : *packed_; }
  const Params& packed_weights();

  Turns turns_;
  GPTConfig config_;
  DType dtype_;
  Keep keep_;
  const int bits_;
  const bool trainable_;
  Params weights_;  // float32 masters
  Params compute_;  // what the operators read: the same, or bf16 matrices
  Params gradients_, first_moment_, second_moment_;
  Tensor weight_arena_, compute_arena_, gradient_arena_, first_arena_, second_arena_;
  std::unique_ptr<Params> packed_;
  int64_t matrix_elements_ = 0;  // of the arenas: the part that decays, and that has a copy
  int64_t steps_ = 0;

  std::unique_ptr<Activations> planned_;  // for the most tokens seen
  std::unique_ptr<Activations> acts_;     // the current pass: its first rows
  std::unique_ptr<Flow> planned_flow_, flow_;
  Tensor tokens_, types_, targets_, segments_, positions_;  // buffers, kept from pass to pass
  Tensor tokens_now_, targets_now_;                         // the current pass's part of them
  Pass pass_;
  Tensor position_table_;  // sinusoidal, in the compute type
  bool can_backward_logprob_ = false, can_backward_values_ = false;
};

}  // namespace gpte
