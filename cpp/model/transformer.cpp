#include "model/transformer.h"

#include <cstring>
#include <utility>

#include "ops/checks.h"
#include "ops/embedding.h"
#include "ops/linear.h"
#include "ops/linear_logprob.h"
#include "ops/positions.h"
#include "ops/value_head.h"

namespace gpte {
namespace {

// Copies integers into a buffer that is kept from pass to pass, and returns its first n.
Tensor hold(Tensor& buffer, const Tensor& from) {
  const int64_t n = from.numel();
  if (!buffer.defined() || buffer.numel() < n) buffer = Tensor(Shape{n}, DType::i32);
  Tensor part = buffer.rows(0, n);
  std::memcpy(part.raw(), from.raw(), size_t(from.bytes()));
  return part;
}

// The current pass's part of what is planned: its first n rows. Views are made anew in place, so
// that a pass over another number of tokens allocates nothing for them.
template <class Planned>
void take_first(std::unique_ptr<Planned>& part, const Planned& planned, int64_t n) {
  if (!part)
    part = std::make_unique<Planned>(planned);
  else if (part->tokens != n)
    *part = planned;
  part->keep_first(n);
}

void check_ints(const char* name, const Tensor& t) {
  check(t.shape().rank() == 1 && t.numel() > 0 && t.dtype() == DType::i32 &&
            t.device() == Device::cpu,
        "transformer: ", name, " ", t.shape(), " ", t.dtype(),
        " must be a non-empty int32 vector in CPU memory");
}

// Everything a pass reads is checked before anything is written.
void check_batch(const GPTConfig& c, const Tensor& tokens, const Tensor& types,
                 const Tensor& segments, const Tensor& starts) {
  check_ints("tokens", tokens);
  check_ints("segments", segments);
  check_boundaries("transformer", segments, tokens.numel());
  const int64_t B = segments.numel() - 1;
  const int32_t* at = segments.data<int32_t>();
  for (int64_t b = 0; b < B; ++b) {
    const int64_t start = starts.defined() ? starts.data<int32_t>()[b] : 0,
                  length = at[b + 1] - at[b];
    check(start >= 0 && start + length <= c.context_length, "transformer: segment ", b, " of ",
          start + length, " tokens is longer than the context of ", c.context_length);
  }
  check_indices("transformer", "tokens", tokens, c.vocab_size);
  if (!types.defined()) return;
  check(c.token_types > 0, "transformer: types need a model with token_types");
  check_ints("types", types);
  check(types.numel() == tokens.numel(), "transformer: ", types.numel(), " types must match ",
        tokens.numel(), " tokens");
  check_indices("transformer", "types", types, c.token_types);
}

}  // namespace

void Transformer::reserve(int64_t tokens, bool training) {
  const Keep keep = training ? keep_ : Keep::nothing;
  if (training) reserve_training();  // refuses a model that only decodes
  // Evaluation runs in training's memory when that is large enough.
  const bool fits = planned_ && planned_->tokens >= tokens && planned_->keep <= keep;
  if (!fits) {
    if (planned_ && planned_->tokens > tokens && training) tokens = planned_->tokens;
    forget_pass();
    planned_.reset();  // first, so that the peak is not the sum of old and new
    planned_ = std::make_unique<Activations>(config_, dtype_, tokens, keep);
  }
  if (training && (!planned_flow_ || planned_flow_->tokens < planned_->tokens)) {
    forget_pass();
    planned_flow_.reset();
    planned_flow_ = std::make_unique<Flow>(config_, dtype_, planned_->tokens);
  }
}

// What the last pass left lies in memory that is about to go: backward has nothing to read.
void Transformer::forget_pass() {
  can_backward_logprob_ = can_backward_values_ = false;
  acts_.reset();
  flow_.reset();
}

// Checks the batch and readies the tensors of a pass over it.
Activations& Transformer::start_pass(const Tensor& tokens, const Tensor& types,
                                     const Tensor& segments, const Tensor& starts,
                                     bool keep_for_backward) {
  check_batch(config_, tokens, types, segments, starts);
  const int64_t N = tokens.numel();
  can_backward_logprob_ = can_backward_values_ = false;
  reserve(N, keep_for_backward);
  take_first(acts_, *planned_, N);
  if (keep_for_backward) take_first(flow_, *planned_flow_, N);
  tokens_now_ = hold(tokens_, tokens);
  hold_types(types, N);
  pass_.segments = hold(segments_, segments);
  if (!positions_.defined() || positions_.numel() < N) positions_ = Tensor(Shape{N}, DType::i32);
  pass_.positions = positions_.rows(0, N);
  segment_positions(pass_.positions, pass_.segments);
  if (starts.defined()) {
    const int32_t* at = pass_.segments.data<int32_t>();
    for (int64_t b = 0; b + 1 < pass_.segments.numel(); ++b)
      for (int32_t n = at[b]; n < at[b + 1]; ++n)
        pass_.positions.data<int32_t>()[n] += starts.data<int32_t>()[b];
  }
  pass_.keep = planned_->keep;
  return *acts_;
}

// The types of the current pass, all 0 where none are given.
void Transformer::hold_types(const Tensor& types, int64_t N) {
  if (types.defined()) {
    pass_.types = hold(types_, types);
  } else if (config_.token_types) {
    if (!types_.defined() || types_.numel() < N) types_ = Tensor(Shape{N}, DType::i32);
    pass_.types = types_.rows(0, N);
    pass_.types.zero();
  }
}

void Transformer::run_trunk(Activations& a, const Params& params, const Pass& pass, KVCache* cache,
                            AttentionSeen* seen) {
  const Tensor& wpe = config_.position == Position::sinusoidal ? position_table_ : compute_.wpe;
  Tensor& embedded = config_.embedding_norm ? a.embedding : a.layers[0].x;
  if (bits_)
    quantized_embedding_forward(embedded, tokens_now_, pass.positions, params.wte, wpe);
  else
    embedding_forward(embedded, tokens_now_, pass.positions, pass.types, compute_.wte, wpe,
                      compute_.wtt);
  if (config_.embedding_norm)
    norm_forward(config_, a.layers[0].x, a.embedding_mean, a.embedding_rstd, a.embedding,
                 compute_.embedding_norm_w, compute_.embedding_norm_b);
  for (size_t i = 0; i < a.layers.size(); ++i) {
    Tensor& next = i + 1 < a.layers.size() ? a.layers[i + 1].x : a.x;
    block_forward(next, a.layers[i], params.layers[i], config_, pass, config_.windows[i],
                  cache ? &cache->layers[i] : nullptr);
    if (seen) seen->copy(int64_t(i), a.layers[i]);  // the next block may write where this one did
  }
  if (config_.norm_order == NormOrder::pre)
    norm_forward(config_, a.norm, a.mean, a.rstd, a.x, compute_.norm_w, compute_.norm_b);
}

Tensor Transformer::hidden(const Tensor& tokens, const Tensor& segments, bool keep_for_backward,
                           const Tensor& types) {
  Activations& a = start_pass(tokens, types, segments, Tensor(), keep_for_backward);
  run_trunk(a, plain_weights(), pass_, nullptr);
  return a.hidden();
}

void Transformer::check_targets(const Tensor& tokens, const Tensor& targets) const {
  check(config_.head == Head::lm, "transformer: log-probabilities need a model with head lm");
  check_ints("targets", targets);
  check(targets.numel() == tokens.numel(), "transformer: ", targets.numel(), " targets must match ",
        tokens.numel(), " tokens");
  for (int64_t n = 0; n < targets.numel(); ++n)
    check(targets.data<int32_t>()[n] < config_.vocab_size, "transformer: targets[", n,
          "] = ", targets.data<int32_t>()[n], " must be below the vocabulary size ",
          config_.vocab_size);
}

// `hidden`, and keeps the targets: a refused batch leaves those of the pass before it.
void Transformer::hidden_towards(const Tensor& targets, const Tensor& tokens,
                                 const Tensor& segments, bool keep_for_backward,
                                 const Tensor& types) {
  check_targets(tokens, targets);
  hidden(tokens, segments, keep_for_backward, types);
  targets_now_ = hold(targets_, targets);
}

void Transformer::logprob(Tensor& logp, const Tensor& tokens, const Tensor& targets,
                          const Tensor& segments, bool keep_for_backward, const Tensor& types) {
  hidden_towards(targets, tokens, segments, keep_for_backward, types);
  linear_logprob_forward(logp, acts_->lse, acts_->hidden(), plain_weights().lm_head, targets_now_,
                         config_.vocab_size);
  can_backward_logprob_ = keep_for_backward;
}

void Transformer::values(Tensor& values, const Tensor& tokens, const Tensor& segments,
                         bool keep_for_backward, const Tensor& types) {
  check(config_.head != Head::lm, "transformer: values need a model with head value or reward");
  hidden(tokens, segments, keep_for_backward, types);
  value_head_forward(values, acts_->hidden(), weights_.head_w.view({config_.model_dim}),
                     weights_.head_b);
  can_backward_values_ = keep_for_backward;
}

void Transformer::logits(Tensor& logits, const Tensor& tokens, const Tensor& segments,
                         const Tensor& rows, const Tensor& types) {
  check(config_.head == Head::lm, "transformer: logits need a model with head lm");
  hidden(tokens, segments, false, types);
  linear_logits(logits, acts_->hidden(), plain_weights().lm_head, rows);
}

void AttentionSeen::copy(int64_t layer, const LayerActivations& from) {
  std::memcpy(qkv.rows(layer, layer + 1).raw(), from.qkv.raw(), size_t(from.qkv.bytes()));
  std::memcpy(lse.rows(layer, layer + 1).raw(), from.lse.raw(), size_t(from.lse.bytes()));
}

AttentionSeen Transformer::attention(const Tensor& tokens, const Tensor& segments) {
  Activations& a = start_pass(tokens, Tensor(), segments, Tensor(), false);
  const int64_t L = config_.layers, N = tokens.numel();
  AttentionSeen seen{Tensor(Shape{L, N, config_.qkv_dim()}, dtype_),
                     Tensor(Shape{L, N, config_.heads}), pass_.slopes};
  run_trunk(a, plain_weights(), pass_, nullptr, &seen);
  return seen;
}

const Params& Transformer::packed_weights() {
  if (packed_) return *packed_;
  auto packed = std::make_unique<Params>(compute_);
  Panels panels{*packed, dtype_};
  allocate_together(panels);
  pack_weight(packed->lm_head, compute_.output());
  for (size_t i = 0; i < compute_.layers.size(); ++i) {
    LayerParams& to = packed->layers[i];
    const LayerParams& from = compute_.layers[i];
    pack_weight(to.qkv_w, from.qkv_w);
    pack_weight(to.proj_w, from.proj_w);
    pack_weight(to.fc_w, from.fc_w);
    pack_weight(to.mlp_proj_w, from.mlp_proj_w);
  }
  packed_ = std::move(packed);
  return *packed_;
}

void Transformer::prepare_decoding() {
  check(config_.head == Head::lm && config_.causal,
        "transformer: decoding needs a causal model with head lm");
  packed_weights();
}

Activations& Transformer::run_cached(const Params& params, KVCache& cache, const Tensor& tokens,
                                     const Tensor& segments, const Tensor& tables,
                                     const Tensor& starts) {
  const int64_t layers = int64_t(cache.layers.size());
  check(layers == config_.layers, "transformer: cache of ", layers,
        " layers must match the model's ", config_.layers);
  check_ints("starts", starts);
  const int64_t B = segments.numel() - 1;
  check(starts.numel() == B, "transformer: ", starts.numel(), " starts must match ", B,
        " segments");
  Activations& a = start_pass(tokens, Tensor(), segments, starts, false);
  Pass pass = pass_;
  pass.tables = tables;  // the caller's memory, for this call only
  pass.starts = starts;
  run_trunk(a, params, pass, &cache);
  return a;
}

void Transformer::decode(Tensor& logits, KVCache& cache, const Tensor& tokens,
                         const Tensor& segments, const Tensor& tables, const Tensor& starts,
                         const Tensor& rows) {
  prepare_decoding();
  const Params& packed = packed_weights();
  Activations& a = run_cached(packed, cache, tokens, segments, tables, starts);
  linear_logits(logits, a.hidden(), packed.lm_head, rows);
}

void Transformer::cached_logprob(Tensor& logp, KVCache& cache, const Tensor& tokens,
                                 const Tensor& targets, const Tensor& segments,
                                 const Tensor& tables, const Tensor& starts) {
  check(config_.causal, "transformer: a cache needs a causal model");
  check_targets(tokens, targets);
  Activations& a = run_cached(plain_weights(), cache, tokens, segments, tables, starts);
  linear_logprob_forward(logp, a.lse, a.hidden(), plain_weights().lm_head, targets,
                         config_.vocab_size);
}

}  // namespace gpte
