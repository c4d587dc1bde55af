// The transformer's other half: weights, backward and the optimizer's step.
#include <cmath>
#include <cstring>

#include "core/parallel.h"
#include "core/random.h"
#include "model/transformer.h"
#include "ops/adamw.h"
#include "ops/cast.h"
#include "ops/checks.h"
#include "ops/embedding.h"
#include "ops/linear_logprob.h"
#include "ops/positions.h"
#include "ops/square_sum.h"
#include "ops/value_head.h"

namespace gpte {
namespace {

// Elements [begin, end) of a float32 arena.
Tensor part(const Tensor& arena, int64_t begin, int64_t end) {
  Tensor floats(const_cast<void*>(arena.raw()), Shape{arena.bytes() / 4}, DType::f32,
                arena.device(), arena.owner());
  return floats.rows(begin, end);
}

Tensor whole(const Tensor& arena) {
  return part(arena, 0, arena.bytes() / 4);
}

// Slopes of ALiBi (Press, Smith, Lewis 2022): 2^(-8(h+1)/H) for H a power of two; otherwise those
// of the power below, then every other one of twice that power.
void alibi_slopes(Tensor& slopes) {
  const int64_t H = slopes.numel();
  int64_t power = 1;
  while (2 * power <= H) power *= 2;
  for (int64_t h = 0; h < H; ++h)
    slopes.data<float>()[h] =
        h < power ? float(std::exp2(-8.0 * double(h + 1) / double(power)))
                  : float(std::exp2(-4.0 * double(2 * (h - power) + 1) / double(power)));
}

}  // namespace

Transformer::Transformer(const GPTConfig& config, DType dtype, std::optional<uint64_t> seed,
                         Keep keep, int bits, bool trainable)
    : config_(config),
      dtype_(dtype),
      keep_(keep),
      bits_(bits),
      trainable_(trainable && !bits),
      weights_(config),
      compute_(config),
      gradients_(config),
      first_moment_(config),
      second_moment_(config) {
  if (!trainable_) {
    allocate_packed();
  } else {
    weight_arena_ = allocate_together(weights_);
    Matrices matrices{compute_, dtype};
    matrix_elements_ = planned_bytes(matrices) / size_of(dtype);
    compute_ = weights_;  // vectors are read in float32 always
    if (dtype != DType::f32) compute_arena_ = allocate_together(matrices);
    if (config.tied) compute_.lm_head = compute_.wte;
  }
  if (config.position == Position::rope) {
    const Shape shape{config.context_length, config.head_dim / 2};
    pass_.rope_cos = Tensor(shape);
    pass_.rope_sin = Tensor(shape);
    rope_table(pass_.rope_cos, pass_.rope_sin, config.rope_theta, config.rope_scaling);
  } else if (config.position == Position::sinusoidal) {
    position_table_ = Tensor(Shape{config.context_length, config.model_dim}, dtype);
    sinusoidal_table(position_table_);
  } else if (config.position == Position::alibi) {
    pass_.slopes = Tensor(Shape{config.heads});
    alibi_slopes(pass_.slopes);
  }
  if (!trainable_ || !seed) return;
  initialise(*seed);
  weights_changed();
}

void Transformer::allocate_packed() {
  check(!bits_ || (config_.head == Head::lm && config_.causal && config_.token_types == 0),
        "transformer: quantized weights need a causal model with head lm and no token types");
  Unpacked rest{weights_};
  weight_arena_ = allocate_together(rest);
  compute_ = weights_;
  if (dtype_ != DType::f32)
    for (Tensor* table : {&compute_.wpe, &compute_.wtt})
      if (table->defined()) *table = Tensor(table->shape(), dtype_);
  if (!bits_) compute_.wte = Tensor(Shape{config_.vocab_size, config_.model_dim}, dtype_);
  packed_ = std::make_unique<Params>(compute_);
  if (bits_) {
    Quantized matrices{*packed_, bits_};
    allocate_together(matrices);
    if (config_.tied) packed_->lm_head = packed_->wte;
  } else {
    Panels panels{*packed_, dtype_};
    allocate_together(panels);
  }
}

bool Transformer::set_matrix(const std::string& name, const Tensor& matrix) {
  check(!trainable_, "transformer: only weights that are not trainable are set matrix by matrix");
  bool found = false;
  packed_->visit_matrices([&](const std::string& theirs, Tensor& t, const Shape& shape) {
    if (theirs != name || !Unpacked::is_packed(name)) return;
    check_tensor("set_matrix", name.c_str(), matrix, shape, DType::f32);
    bits_ ? quantize_weight(t, matrix) : set_panels(name, matrix);
    found = true;
  });
  return found;
}

void Transformer::set_panels(const std::string& name, const Tensor& matrix) {
  Tensor plain = matrix;
  if (name == "wte")
    plain = compute_.wte;
  else if (dtype_ != DType::f32)
    plain = Tensor(matrix.shape(), dtype_);
  if (dtype_ != DType::f32)
    cast_forward(plain, matrix);
  else if (name == "wte")
    std::memcpy(plain.raw(), matrix.raw(), size_t(matrix.bytes()));
  Panels panels{*packed_, dtype_};
  panels.visit([&](const std::string& theirs, Tensor& t, const Shape&, DType) {
    if (theirs == name) pack_weight(t, plain);
  });
}

void Transformer::check_trainable() const {
  check(!bits_, "transformer: a model of ", bits_,
        " bits a weight only decodes; load it without quantize");
  check(trainable_,
        "transformer: a model that is not trainable has no gradients; load it with trainable=True");
}

void Transformer::initialise(uint64_t seed) {
  constexpr float kStd = 0.02f;
  const float residual_std = kStd / std::sqrt(2 * float(config_.layers));
  uint64_t tensor = 0;  // a stream each, so that a draw depends on its place alone
  weights_.visit_matrices([&](const std::string& name, Tensor& t, const Shape&) {
    const bool residual =
        name.size() > 11 && name.compare(name.size() - 11, 11, "proj.weight") == 0;
    const float std = residual ? residual_std : kStd;
    const uint64_t stream = stream_of(Draw::weights, tensor++);
    float* p = t.data<float>();
    parallel_for(t.numel(), 1 << 14, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) p[i] = std * normal(seed, stream, uint64_t(i));
    });
  });
  weights_.visit_vectors([&](const std::string& name, Tensor& t, const Shape&) {
    const bool scale =
        name.find("norm") != std::string::npos && name.find("weight") != std::string::npos;
    std::fill_n(t.data<float>(), t.numel(), scale ? 1.f : 0.f);
  });
}

void Transformer::weights_changed() {
  if (!trainable_) {
    if (dtype_ == DType::f32) return;
    if (weights_.wpe.defined()) cast_forward(compute_.wpe, weights_.wpe);
    if (weights_.wtt.defined()) cast_forward(compute_.wtt, weights_.wtt);
    return;
  }
  packed_.reset();
  if (dtype_ == DType::f32) return;
  Tensor copy = matrix_copy();
  cast_forward(copy, part(weight_arena_, 0, matrix_elements_));
}

Tensor Transformer::matrix_copy() const {
  if (dtype_ == DType::f32) return Tensor();
  return Tensor(const_cast<void*>(compute_arena_.raw()), Shape{matrix_elements_}, dtype_,
                Device::cpu, compute_arena_.owner());
}

int64_t Transformer::num_parameters() {
  int64_t count = 0;
  weights_.visit(
      [&](const std::string&, Tensor&, const Shape& shape, DType) { count += shape.numel(); });
  return count;
}

void Transformer::reserve_training() {
  check_trainable();
  if (gradient_arena_.defined()) return;
  gradient_arena_ = allocate_together(gradients_);
  first_arena_ = allocate_together(first_moment_);
  second_arena_ = allocate_together(second_moment_);
}

// A backward can be taken once: it overwrites what the pass left.
void Transformer::start_backward(bool& ready, const Tensor& gradient) {
  check(ready,
        "transformer: backward needs a forward pass that kept its activations just before it");
  check_tensor("transformer backward", "gradient", gradient, {acts_->tokens}, DType::f32);
  ready = false;
}

// flow_->dnorm holds d(loss)/d(hidden).
void Transformer::backward_trunk() {
  Activations& a = *acts_;
  if (config_.norm_order == NormOrder::pre) {
    flow_->dx.zero();
    norm_backward(config_, flow_->dx, gradients_.norm_w, gradients_.norm_b, flow_->dnorm, a.x,
                  compute_.norm_w, a.mean, a.rstd);
  } else {
    std::swap(flow_->dx, flow_->dnorm);
  }
  for (size_t i = a.layers.size(); i-- > 0;)
    block_backward(*flow_, a.layers[i], gradients_.layers[i], compute_.layers[i], config_, pass_,
                   config_.windows[i]);
  if (config_.embedding_norm) {
    flow_->dnorm.zero();
    norm_backward(config_, flow_->dnorm, gradients_.embedding_norm_w, gradients_.embedding_norm_b,
                  flow_->dx, a.embedding, compute_.embedding_norm_w, a.embedding_mean,
                  a.embedding_rstd);
    std::swap(flow_->dx, flow_->dnorm);
  }
  embedding_backward(gradients_.wte, gradients_.wpe, gradients_.wtt, flow_->dx, tokens_now_,
                     pass_.positions, pass_.types);
}

void Transformer::backward_logprob(const Tensor& dlogp) {
  start_backward(can_backward_logprob_, dlogp);
  linear_logprob_backward(flow_->dnorm, gradients_.output(), dlogp, acts_->hidden(),
                          compute_.output(), targets_now_, acts_->lse);
  backward_trunk();
}

void Transformer::backward_values(const Tensor& dvalues) {
  start_backward(can_backward_values_, dvalues);
  flow_->dnorm.zero();
  Tensor dw = gradients_.head_w.view({config_.model_dim});
  value_head_backward(flow_->dnorm, dw, gradients_.head_b, dvalues, acts_->hidden(),
                      weights_.head_w.view({config_.model_dim}));
  backward_trunk();
}

void Transformer::forward_backward(Tensor& logp, const Tensor& tokens, const Tensor& targets,
                                   const Tensor& segments, const Tensor& dlogp,
                                   const Tensor& types) {
  check_tensor("transformer forward_backward", "dlogp", dlogp, tokens.shape(), DType::f32);
  hidden_towards(targets, tokens, segments, true, types);
  linear_logprob_forward_backward(logp, acts_->lse, flow_->dnorm, gradients_.output(), dlogp,
                                  acts_->hidden(), compute_.output(), targets_now_);
  backward_trunk();
}

float Transformer::gradient_norm() {
  reserve_training();
  return float(std::sqrt(square_sum(whole(gradient_arena_))));
}

void Transformer::zero_gradients() {
  reserve_training();
  gradient_arena_.zero();
}

float Transformer::step(const StepOptions& o) {
  // Taken again even right after gradient_norm(): callers hold the gradients as arrays, and may
  // have written to them since. It reads a quarter of what the rest of the step reads.
  const float norm = gradient_norm();
  check(std::isfinite(norm), "step: the gradient's norm is ", norm, "; the step was not taken");
  check(o.clip >= 0, "step: clip ", o.clip, " must be at least 0");
  const float scale = o.clip > 0 && norm > o.clip ? o.clip / norm : 1;
  packed_.reset();
  const auto update = [&](int64_t from, int64_t to, Tensor copy, float weight_decay) {
    Tensor p = part(weight_arena_, from, to), g = part(gradient_arena_, from, to);
    Tensor m = part(first_arena_, from, to), v = part(second_arena_, from, to);
    adamw_step(p, m, v, g, copy, o.lr, o.beta1, o.beta2, o.eps, weight_decay, scale, steps_ + 1);
  };
  update(0, matrix_elements_, matrix_copy(), o.weight_decay);
  update(matrix_elements_, weight_arena_.bytes() / 4, Tensor(), 0);  // vectors never decay
  ++steps_;
  return norm;
}

}  // namespace gpte
