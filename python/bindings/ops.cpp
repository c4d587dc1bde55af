// Operators, one line each: a name, a function, its argument names, no GIL, and where its formula
// stands.
#include "bindings/bindings.h"
#include "ops/activation.h"
#include "ops/adamw.h"
#include "ops/add.h"
#include "ops/attention.h"
#include "ops/attention_cached.h"
#include "ops/cast.h"
#include "ops/embedding.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/linear_logprob.h"
#include "ops/positions.h"
#include "ops/qk_norm.h"
#include "ops/quantized.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "ops/scale.h"
#include "ops/square_sum.h"
#include "ops/swiglu.h"
#include "ops/value_head.h"

namespace gpte {

void bind_ops(nb::module_& m) {
  m.def("attention_forward", &attention_forward, "y"_a, "lse"_a, "qkv"_a, "segments"_a, "slopes"_a,
        "heads"_a, "kv_heads"_a, "scale"_a, "causal"_a, "window"_a, no_gil(),
        "See cpp/ops/attention.h.");
  m.def("attention_backward", &attention_backward, "dqkv"_a, "dy"_a, "qkv"_a, "y"_a, "lse"_a,
        "segments"_a, "slopes"_a, "heads"_a, "kv_heads"_a, "scale"_a, "causal"_a, "window"_a,
        no_gil(), "See cpp/ops/attention.h.");
  m.def("kv_cache_append", &kv_cache_append, "k_cache"_a, "v_cache"_a, "qkv"_a, "segments"_a,
        "tables"_a, "starts"_a, "heads"_a, "kv_heads"_a, no_gil(),
        "See cpp/ops/attention_cached.h.");
  m.def("attention_cached_forward", &attention_cached_forward, "y"_a, "qkv"_a, "k_cache"_a,
        "v_cache"_a, "segments"_a, "tables"_a, "starts"_a, "slopes"_a, "heads"_a, "kv_heads"_a,
        "scale"_a, "window"_a, no_gil(), "See cpp/ops/attention_cached.h.");
  nb::enum_<Activation>(m, "Activation")
      .value("none", Activation::none)
      .value("gelu", Activation::gelu)
      .value("gelu_tanh", Activation::gelu_tanh)
      .value("relu", Activation::relu)
      .value("silu", Activation::silu)
      .value("swiglu", Activation::swiglu);
  m.def("linear_forward", &linear_forward, "y"_a, "pre"_a, "x"_a, "w"_a, "b"_a, "residual"_a,
        "activation"_a, no_gil(), "See cpp/ops/linear.h.");
  m.def(
      "pack_weight",
      [](const Tensor& w) {
        Tensor packed(packed_shape(w.shape(), w.dtype()), w.dtype());
        pack_weight(packed, w);
        return packed;
      },
      "w"_a, no_gil(), "See cpp/ops/linear.h.");
  m.def("linear_backward_input", &linear_backward_input, "dx"_a, "dy"_a, "w"_a, "pre"_a,
        "activation"_a, no_gil(), "See cpp/ops/linear.h.");
  m.def("linear_backward_weight", &linear_backward_weight, "dw"_a, "db"_a, "dy"_a, "x"_a, no_gil(),
        "See cpp/ops/linear.h.");
  m.def("linear_logprob_forward", &linear_logprob_forward, "logp"_a, "lse"_a, "h"_a, "w"_a,
        "targets"_a, "V"_a, no_gil(), "See cpp/ops/linear_logprob.h.");
  m.def("linear_logprob_backward", &linear_logprob_backward, "dh"_a, "dw"_a, "dlogp"_a, "h"_a,
        "w"_a, "targets"_a, "lse"_a, no_gil(), "See cpp/ops/linear_logprob.h.");
  m.def("linear_logprob_forward_backward", &linear_logprob_forward_backward, "logp"_a, "lse"_a,
        "dh"_a, "dw"_a, "dlogp"_a, "h"_a, "w"_a, "targets"_a, no_gil(),
        "See cpp/ops/linear_logprob.h.");
  m.def("linear_logits", &linear_logits, "logits"_a, "h"_a, "w"_a, "rows"_a, no_gil(),
        "See cpp/ops/linear_logprob.h.");
  m.def("layer_norm_forward", &layer_norm_forward, "y"_a, "mean"_a, "rstd"_a, "x"_a, "w"_a, "b"_a,
        "eps"_a, no_gil(), "See cpp/ops/layer_norm.h.");
  m.def("layer_norm_backward", &layer_norm_backward, "dx"_a, "dw"_a, "db"_a, "dy"_a, "x"_a, "w"_a,
        "mean"_a, "rstd"_a, no_gil(), "See cpp/ops/layer_norm.h.");
  m.def("rms_norm_forward", &rms_norm_forward, "y"_a, "rstd"_a, "x"_a, "w"_a, "eps"_a, no_gil(),
        "See cpp/ops/rms_norm.h.");
  m.def("rms_norm_backward", &rms_norm_backward, "dx"_a, "dw"_a, "dy"_a, "x"_a, "w"_a, "rstd"_a,
        no_gil(), "See cpp/ops/rms_norm.h.");
  m.def("embedding_forward", &embedding_forward, "y"_a, "tokens"_a, "positions"_a, "types"_a,
        "wte"_a, "wpe"_a, "wtt"_a, no_gil(), "See cpp/ops/embedding.h.");
  m.def("embedding_backward", &embedding_backward, "dwte"_a, "dwpe"_a, "dwtt"_a, "dy"_a, "tokens"_a,
        "positions"_a, "types"_a, no_gil(), "See cpp/ops/embedding.h.");
  m.def("segment_positions", &segment_positions, "positions"_a, "segments"_a, no_gil(),
        "See cpp/ops/positions.h.");
  m.def("sinusoidal_table", &sinusoidal_table, "table"_a, no_gil(), "See cpp/ops/positions.h.");
  nb::enum_<Scaling>(m, "Scaling")
      .value("none", Scaling::none)
      .value("linear", Scaling::linear)
      .value("llama3", Scaling::llama3)
      .value("yarn", Scaling::yarn)
      .value("dynamic", Scaling::dynamic)
      .value("longrope", Scaling::longrope);
  nb::class_<RopeScaling>(m, "RopeScaling", "See cpp/ops/positions.h.")
      .def(nb::init<Scaling, double, double, double, double, double, std::vector<double>>(),
           "kind"_a = Scaling::none, "factor"_a = 1.0, "context"_a = 0.0, "low"_a = 1.0,
           "high"_a = 4.0, "attention"_a = 1.0, "divisors"_a = std::vector<double>());
  m.def("rope_table", &rope_table, "cos"_a, "sin"_a, "theta"_a, "scaling"_a, no_gil(),
        "See cpp/ops/positions.h.");
  m.def("activation_forward", &activation_forward, "y"_a, "x"_a, "kind"_a, no_gil(),
        "See cpp/ops/activation.h.");
  m.def("activation_backward", &activation_backward, "dx"_a, "dy"_a, "x"_a, "kind"_a, no_gil(),
        "See cpp/ops/activation.h.");
  m.def("swiglu_forward", &swiglu_forward, "y"_a, "x"_a, no_gil(), "See cpp/ops/swiglu.h.");
  m.def("swiglu_backward", &swiglu_backward, "dx"_a, "dy"_a, "x"_a, no_gil(),
        "See cpp/ops/swiglu.h.");
  m.def("add", &add, "y"_a, "x"_a, no_gil(), "See cpp/ops/add.h.");
  m.def("scale", &scale, "y"_a, "factor"_a, no_gil(), "See cpp/ops/scale.h.");
  m.def("cast_forward", &cast_forward, "y"_a, "x"_a, no_gil(), "See cpp/ops/cast.h.");
  m.def("quantize_weight", &quantize_weight, "quantized"_a, "w"_a, no_gil(),
        "See cpp/ops/quantized.h.");
  m.def("quantized_embedding_forward", &quantized_embedding_forward, "y"_a, "tokens"_a,
        "positions"_a, "wte"_a, "wpe"_a, no_gil(), "See cpp/ops/quantized.h.");
  m.def(
      "quantized_shape",
      [](int64_t rows, int64_t columns, int bits) {
        const Shape shape = quantized_shape(Shape{rows, columns}, bits);
        return std::make_tuple(shape[0], shape[1], shape[2]);
      },
      "rows"_a, "columns"_a, "bits"_a, "The shape of a quantized matrix, a tensor of bytes.");
  m.def("rope_forward", &rope_forward, "x"_a, "positions"_a, "cos"_a, "sin"_a, "heads"_a,
        "kv_heads"_a, no_gil(), "See cpp/ops/rope.h.");
  m.def("rope_backward", &rope_backward, "dx"_a, "positions"_a, "cos"_a, "sin"_a, "heads"_a,
        "kv_heads"_a, no_gil(), "See cpp/ops/rope.h.");
  m.def("qk_norm_forward", &qk_norm_forward, "y"_a, "q_rstd"_a, "k_rstd"_a, "x"_a, "w_q"_a, "w_k"_a,
        "heads"_a, "kv_heads"_a, "eps"_a, no_gil(), "See cpp/ops/qk_norm.h.");
  m.def("qk_norm_backward", &qk_norm_backward, "dx"_a, "dw_q"_a, "dw_k"_a, "dy"_a, "x"_a, "w_q"_a,
        "w_k"_a, "q_rstd"_a, "k_rstd"_a, "heads"_a, "kv_heads"_a, no_gil(),
        "See cpp/ops/qk_norm.h.");
  m.def("square_sum", nb::overload_cast<const Tensor&>(&square_sum), "x"_a, no_gil(),
        "See cpp/ops/square_sum.h.");
  m.def("adamw_step", &adamw_step, "p"_a, "m"_a, "v"_a, "g"_a, "copy"_a, "lr"_a, "beta1"_a,
        "beta2"_a, "eps"_a, "weight_decay"_a, "grad_scale"_a, "step"_a, no_gil(),
        "See cpp/ops/adamw.h.");
  m.def("value_head_forward", &value_head_forward, "v"_a, "h"_a, "w"_a, "b"_a, no_gil(),
        "See cpp/ops/value_head.h.");
  m.def("value_head_backward", &value_head_backward, "dh"_a, "dw"_a, "db"_a, "dv"_a, "h"_a, "w"_a,
        no_gil(), "See cpp/ops/value_head.h.");
}

}  // namespace gpte
