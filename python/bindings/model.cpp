// The transformer and its key-value cache.
#include <cstring>
#include <optional>

#include "bindings/bindings.h"
#include "kernels/attention.h"
#include "model/transformer.h"

namespace gpte {
namespace {

// Arrays of the caller, seen as tensors for the length of one call.
using Ints = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using IntMatrix = nb::ndarray<const int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Floats = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using FloatsOut = nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using MatrixOut = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

using SomeInts = std::optional<Ints>;

template <class Array>
Tensor view(const Array& a) {
  Shape shape;
  for (size_t i = 0; i < a.ndim(); ++i) shape.push(int64_t(a.shape(i)));
  constexpr bool is_int = std::is_same_v<typename Array::Scalar, const int32_t>;
  return Tensor(const_cast<void*>(static_cast<const void*>(a.data())), shape,
                is_int ? DType::i32 : DType::f32, Device::cpu, nullptr);
}

Tensor view(const SomeInts& a) {
  return a ? view(*a) : Tensor();
}

// The position of a name in a list that follows the enum's order.
template <class Enum>
Enum parse(const char* field, const std::string& name, std::initializer_list<const char*> names) {
  int i = 0;
  for (const char* candidate : names) {
    if (name == candidate) return Enum(i);
    ++i;
  }
  fail("config: ", field, " \"", name, "\" is unknown");
}

Keep keep_for(int recompute) {
  check(recompute >= 0 && recompute <= 2, "transformer: recompute ", recompute,
        " must be 0, 1 or 2");
  return Keep(recompute);
}

DType float_dtype(const std::string& name) {
  if (name == name_of(DType::f32)) return DType::f32;
  if (name == name_of(DType::bf16)) return DType::bf16;
  fail("transformer: dtype \"", name, "\" must be float32 or bfloat16");
}

// What a cache keeps keys and values in.
DType cache_dtype(const std::string& name) {
  if (name == name_of(DType::f32)) return DType::f32;
  if (name == name_of(DType::bf16)) return DType::bf16;
  if (name == "q8") return DType::u8;
  fail("cache: dtype \"", name, "\" must be float32, bfloat16 or q8");
}

// Calls f without the GIL and with the model to itself: a pass writes memory that all calls share.
template <class F>
auto alone(Transformer& t, const F& f) {
  const ReleasedGil release;
  return t.turns().take("model", f);
}

nb::dict named(Params& params) {
  nb::dict tensors;
  params.visit([&](const std::string& name, Tensor& t, const Shape&, DType) {
    if (t.defined()) tensors[name.c_str()] = nb::cast(t);  // not what is quantized
  });
  return tensors;
}

void init_config(GPTConfig* self, int64_t vocab_size, int64_t context_length, int64_t layers,
                 int64_t heads, int64_t kv_heads, int64_t model_dim, int64_t head_dim,
                 int64_t hidden_dim, const std::string& norm, const std::string& norm_order,
                 float norm_eps, const std::string& position, float rope_theta,
                 const std::string& activation, bool bias, bool qkv_bias, bool tied, bool qk_norm,
                 bool causal, const std::string& head, int64_t window, std::vector<int64_t> windows,
                 const std::string& rope_scaling, double rope_factor, int64_t rope_context,
                 double rope_low, double rope_high, std::vector<double> rope_divisors,
                 double rope_attention, bool embedding_norm, int64_t token_types) {
  // Tokens and positions are int32; and no product or sum of two sizes leaves int64.
  const std::pair<const char*, int64_t> sizes[] = {
      {"vocab_size", vocab_size}, {"context_length", context_length},
      {"layers", layers},         {"heads", heads},
      {"kv_heads", kv_heads},     {"model_dim", model_dim},
      {"hidden_dim", hidden_dim}};
  for (const auto& [name, size] : sizes)
    check(size >= 1 && size <= INT32_MAX, "config: ", name, " ", size,
          " must be at least 1 and at most ", INT32_MAX);
  check(head_dim >= 1 && head_dim <= kAttentionMaxDim, "config: head_dim ", head_dim,
        " must be from 1 to ", int64_t(kAttentionMaxDim));
  if (windows.empty()) windows.assign(size_t(layers), window);
  check(int64_t(windows.size()) == layers, "config: ", windows.size(),
        " windows must be as many as ", "layers, ", layers);
  for (const int64_t w : windows)
    check(w >= 0 && w <= INT32_MAX && (w == 0 || causal), "config: window ", w,
          " must be from 0 to ", INT32_MAX, ", and 0 where attention is not causal");
  check(token_types >= 0 && token_types <= INT32_MAX, "config: token_types ", token_types,
        " must be from 0 to ", INT32_MAX);
  new (self)
      GPTConfig{vocab_size,
                context_length,
                layers,
                heads,
                kv_heads,
                model_dim,
                head_dim,
                hidden_dim,
                parse<Norm>("norm", norm, {"layer", "rms"}),
                parse<NormOrder>("norm_order", norm_order, {"pre", "post"}),
                norm_eps,
                parse<Position>("position", position, {"learned", "sinusoidal", "rope", "alibi"}),
                rope_theta,
                parse<Activation>("activation", activation,
                                  {"none", "gelu", "gelu_tanh", "relu", "silu", "swiglu"}),
                bias,
                qkv_bias,
                tied,
                qk_norm,
                causal,
                parse<Head>("head", head, {"lm", "value", "reward"}),
                std::move(windows),
                {parse<Scaling>("rope_scaling", rope_scaling,
                                {"none", "linear", "llama3", "yarn", "dynamic", "longrope"}),
                 rope_factor, double(rope_context), rope_low, rope_high, rope_attention,
                 std::move(rope_divisors)},
                embedding_norm,
                token_types};
}

// Bytes by purpose, from the plans alone.
nb::dict planned_memory(const GPTConfig& config, const std::string& dtype, int recompute,
                        int64_t tokens, bool training, int bits, bool trainable) {
  const DType type = float_dtype(dtype);
  Params params(config);
  Matrices matrices{params, type};
  Unpacked rest{params};
  Quantized quantized{params, bits};
  Panels panels{params, type};
  int64_t weights = 0;
  if (bits)
    weights = planned_bytes(rest) + planned_bytes(quantized);
  else if (trainable)
    weights = planned_bytes(params);
  else  // beside the panels the plain embedding
    weights = planned_bytes(rest) + planned_bytes(panels) +
              config.vocab_size * config.model_dim * size_of(type);
  nb::dict bytes;
  bytes["weights"] = weights;
  if (type != DType::f32 && !bits && trainable) bytes["bfloat16 copies"] = planned_bytes(matrices);
  if (training) {
    bytes["gradients"] = weights;
    bytes["optimizer"] = 2 * weights;
  }
  bytes["activations"] =
      activation_bytes(config, type, tokens, training ? keep_for(recompute) : Keep::nothing);
  if (training) bytes["backward"] = flow_bytes(config, type, tokens);
  return bytes;
}

}  // namespace

void bind_model(nb::module_& m) {
  nb::class_<GPTConfig>(m, "GPTConfig", "The fields of gptengine.Config, for the engine.")
      .def("__init__", &init_config, "vocab_size"_a, "context_length"_a, "layers"_a, "heads"_a,
           "kv_heads"_a, "model_dim"_a, "head_dim"_a, "hidden_dim"_a, "norm"_a, "norm_order"_a,
           "norm_eps"_a, "position"_a, "rope_theta"_a, "activation"_a, "bias"_a, "qkv_bias"_a,
           "tied"_a, "qk_norm"_a, "causal"_a, "head"_a, "window"_a, "windows"_a, "rope_scaling"_a,
           "rope_factor"_a, "rope_context"_a, "rope_low"_a, "rope_high"_a, "rope_divisors"_a,
           "rope_attention"_a, "embedding_norm"_a, "token_types"_a);
  m.def(
      "planned_memory", &planned_memory, "config"_a, "dtype"_a, "recompute"_a, "tokens"_a,
      "training"_a, "bits"_a = 0, "trainable"_a = true,
      "Bytes by purpose that a model and passes of so many tokens take, without allocating them.");

  m.def(
      "cache_bytes",
      [](const GPTConfig& config, const std::string& dtype, int64_t blocks) {
        return cache_bytes(config, cache_dtype(dtype), blocks);
      },
      "config"_a, "dtype"_a, "blocks"_a, "Bytes of a KVCache, without allocating it.");
  m.attr("CACHE_BLOCK") = kCacheBlock;  // positions that a block of a KVCache holds
  nb::class_<KVCache>(m, "KVCache", "Keys and values of tokens already read, in blocks.")
      .def(
          "__init__",
          [](KVCache* self, const GPTConfig& config, const std::string& dtype, int64_t blocks) {
            new (self) KVCache(config, cache_dtype(dtype), blocks);
          },
          "config"_a, "dtype"_a, "blocks"_a)
      .def("copy", &KVCache::copy, "source"_a, "target"_a,
           "Copies what a block holds, of all layers, to another one.")
      .def_ro("blocks", &KVCache::blocks)
      .def_prop_ro("bytes", [](const KVCache& cache) { return cache.arena.bytes(); });

  nb::class_<Transformer>(m, "Transformer",
                          "Weights, forward, backward and optimizer step; see gptengine.Model.")
      .def(
          "__init__",
          [](Transformer* self, const GPTConfig& config, const std::string& dtype,
             std::optional<uint64_t> seed, int recompute, int bits, bool trainable) {
            new (self)
                Transformer(config, float_dtype(dtype), seed, keep_for(recompute), bits, trainable);
          },
          "config"_a, "dtype"_a, "seed"_a.none(), "recompute"_a, "bits"_a = 0, "trainable"_a = true)
      .def(
          "set_matrix",
          [](Transformer& t, const std::string& name, Matrix matrix) {
            return alone(t, [&] { return t.set_matrix(name, view(matrix)); });
          },
          "name"_a, "matrix"_a,
          "Lays out a matrix of a model that is not trainable; False if none of that name is.")
      .def(
          "reserve",
          [](Transformer& t, int64_t tokens, bool training) {
            alone(t, [&] { t.reserve(tokens, training); });
          },
          "tokens"_a, "training"_a, "Allocate for passes of up to so many tokens.")
      .def(
          "hidden",
          [](Transformer& t, Ints tokens, Ints segments, SomeInts types) {
            return alone(t, [&] {
              const Tensor now = t.hidden(view(tokens), view(segments), false, view(types));
              Tensor hidden(now.shape(), now.dtype());
              std::memcpy(hidden.raw(), now.raw(), size_t(now.bytes()));
              return hidden;
            });
          },
          "tokens"_a, "segments"_a, "types"_a = nb::none(),
          "What the head reads, (N, C) of the compute type: a copy.")
      .def(
          "logprob",
          [](Transformer& t, FloatsOut logp, Ints tokens, Ints targets, Ints segments, bool keep,
             SomeInts types) {
            Tensor out = view(logp);
            alone(t, [&] {
              t.logprob(out, view(tokens), view(targets), view(segments), keep, view(types));
            });
          },
          "logp"_a, "tokens"_a, "targets"_a, "segments"_a, "keep"_a, "types"_a = nb::none(),
          "Writes log p of each target; keep: keep what backward_logprob needs.")
      .def(
          "values",
          [](Transformer& t, FloatsOut values, Ints tokens, Ints segments, bool keep,
             SomeInts types) {
            Tensor out = view(values);
            alone(t, [&] { t.values(out, view(tokens), view(segments), keep, view(types)); });
          },
          "values"_a, "tokens"_a, "segments"_a, "keep"_a, "types"_a = nb::none(),
          "Writes the value of each token; keep: keep what backward_values needs.")
      .def(
          "logits",
          [](Transformer& t, MatrixOut logits, Ints tokens, Ints segments, Ints rows,
             SomeInts types) {
            Tensor out = view(logits);
            alone(t, [&] { t.logits(out, view(tokens), view(segments), view(rows), view(types)); });
          },
          "logits"_a, "tokens"_a, "segments"_a, "rows"_a, "types"_a = nb::none(),
          "Writes the logits of the given rows.")
      .def(
          "attention",
          [](Transformer& t, Ints tokens, Ints segments) {
            const AttentionSeen seen =
                alone(t, [&] { return t.attention(view(tokens), view(segments)); });
            std::optional<Tensor> slopes;
            if (seen.slopes.defined()) slopes = seen.slopes;
            return std::make_tuple(seen.qkv, seen.lse, slopes);
          },
          "tokens"_a, "segments"_a,
          "What attention read in each layer, (L, N, (H+2K)D); its log-sum-exp, (L, N, H); the "
          "slopes of ALiBi, (H), or None.")
      .def(
          "decode",
          [](Transformer& t, MatrixOut logits, KVCache& cache, Ints tokens, Ints segments,
             IntMatrix tables, Ints starts, Ints rows) {
            Tensor out = view(logits);
            alone(t, [&] {
              t.decode(out, cache, view(tokens), view(segments), view(tables), view(starts),
                       view(rows));
            });
          },
          "logits"_a, "cache"_a, "tokens"_a, "segments"_a, "tables"_a, "starts"_a, "rows"_a,
          "Writes logits after new tokens of sequences in the cache, and extends it.")
      .def(
          "cached_logprob",
          [](Transformer& t, FloatsOut logp, KVCache& cache, Ints tokens, Ints targets,
             Ints segments, IntMatrix tables, Ints starts) {
            Tensor out = view(logp);
            alone(t, [&] {
              t.cached_logprob(out, cache, view(tokens), view(targets), view(segments),
                               view(tables), view(starts));
            });
          },
          "logp"_a, "cache"_a, "tokens"_a, "targets"_a, "segments"_a, "tables"_a, "starts"_a,
          "Writes log p of each target of new tokens of sequences in the cache, and extends it.")
      .def(
          "prepare_decoding", [](Transformer& t) { alone(t, [&] { t.prepare_decoding(); }); },
          "Lays the weights out for decoding, which its first call does otherwise.")
      .def(
          "backward_logprob",
          [](Transformer& t, Floats dlogp) { alone(t, [&] { t.backward_logprob(view(dlogp)); }); },
          "dlogp"_a, "Adds to the gradients, after a logprob that kept.")
      .def(
          "backward_values",
          [](Transformer& t, Floats dvalues) {
            alone(t, [&] { t.backward_values(view(dvalues)); });
          },
          "dvalues"_a, "Adds to the gradients, after values that kept.")
      .def(
          "forward_backward",
          [](Transformer& t, FloatsOut logp, Ints tokens, Ints targets, Ints segments, Floats dlogp,
             SomeInts types) {
            Tensor out = view(logp);
            alone(t, [&] {
              t.forward_backward(out, view(tokens), view(targets), view(segments), view(dlogp),
                                 view(types));
            });
          },
          "logp"_a, "tokens"_a, "targets"_a, "segments"_a, "dlogp"_a, "types"_a = nb::none(),
          "logprob and backward_logprob for a dlogp known beforehand.")
      .def(
          "gradient_norm",
          [](Transformer& t) { return alone(t, [&] { return t.gradient_norm(); }); },
          "The Euclidean norm of all gradients.")
      .def(
          "zero_gradients", [](Transformer& t) { alone(t, [&] { t.zero_gradients(); }); },
          "Sets every gradient to zero.")
      .def(
          "step",
          [](Transformer& t, float lr, float weight_decay, float clip, float beta1, float beta2,
             float eps) {
            return alone(t, [&] { return t.step({lr, weight_decay, clip, beta1, beta2, eps}); });
          },
          "lr"_a, "weight_decay"_a, "clip"_a, "beta1"_a, "beta2"_a, "eps"_a,
          "One AdamW step; returns the gradients' norm before clipping.")
      .def(
          "weights_changed", [](Transformer& t) { alone(t, [&] { t.weights_changed(); }); },
          "Call after writing to the weights.")
      .def(
          "weights", [](Transformer& t) { return named(t.weights()); },
          "Every weight by name, sharing memory.")
      .def(
          "embedding", [](Transformer& t) { return t.embedding(); },
          "The table of token embeddings that passes read, (V, C) of the compute type; of a "
          "quantized model there is none.")
      .def(
          "gradients",
          [](Transformer& t) { return named(*alone(t, [&] { return &t.gradients(); })); },
          "Every gradient by name, sharing memory.")
      .def(
          "first_moment",
          [](Transformer& t) { return named(*alone(t, [&] { return &t.first_moment(); })); },
          "AdamW's first moments by name, sharing memory.")
      .def(
          "second_moment",
          [](Transformer& t) { return named(*alone(t, [&] { return &t.second_moment(); })); },
          "AdamW's second moments by name, sharing memory.")
      .def_prop_rw("steps", &Transformer::steps, &Transformer::set_steps, "Steps taken.")
      .def_prop_ro("num_parameters", &Transformer::num_parameters);
}

}  // namespace gpte
