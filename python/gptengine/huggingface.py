"""How a Config and its parameters are spelled in Hugging Face folders.

GPT-2, Llama, Qwen2 and Qwen3 shapes are written as those models, so that other programs open
them; every other point of the Config space has model_type "gptengine" and our own names.
"""

from __future__ import annotations

from typing import NamedTuple

from gptengine.config import Config

ARCHITECTURES = {
    "gpt2": "GPT2LMHeadModel",
    "llama": "LlamaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "gptengine": "GPTEngineModel",
}
GPT2_ACTIVATIONS = {"gelu_tanh": "gelu_new", "gelu": "gelu", "relu": "relu", "silu": "silu"}
GPT2_ACTIVATIONS_READ = {
    **{theirs: ours for ours, theirs in GPT2_ACTIVATIONS.items()},
    "gelu_pytorch_tanh": "gelu_tanh",
    "swish": "silu",
}


class Part(NamedTuple):
    """A tensor of the folder: rows `[begin, end)` of one of our parameters, maybe transposed."""

    name: str
    begin: int
    end: int
    transposed: bool = False


def model_type(c: Config) -> str:
    """The most widely readable model_type that says all of `c`."""
    if not (c.causal and c.norm_order == "pre" and c.head == "lm") or c.window:
        return "gptengine"
    plain_heads = c.kv_heads == c.heads and c.heads * c.head_dim == c.model_dim
    if (c.norm, c.position) == ("layer", "learned"):
        if plain_heads and c.bias and c.qkv_bias and not c.qk_norm and c.activation != "swiglu":
            return "gpt2"
    if (c.norm, c.position, c.activation) == ("rms", "rope", "swiglu"):
        if c.qk_norm and not c.bias and not c.qkv_bias:
            return "qwen3"
        if not c.qk_norm and c.bias == c.qkv_bias:
            return "llama"
        if not c.qk_norm and c.qkv_bias:
            return "qwen2"
    return "gptengine"


def write_config(c: Config, dtype: str, bos: int | None, eos: int | None) -> dict:
    """The contents of config.json."""
    kind = model_type(c)
    values = {"architectures": [ARCHITECTURES[kind]], "model_type": kind}
    if kind == "gptengine":
        values |= c.to_dict()
    elif kind == "gpt2":
        values |= {
            "vocab_size": c.vocab_size,
            "n_positions": c.context_length,
            "n_ctx": c.context_length,
            "n_embd": c.model_dim,
            "n_layer": c.layers,
            "n_head": c.heads,
            "n_inner": c.hidden_dim,
            "activation_function": GPT2_ACTIVATIONS[c.activation],
            "layer_norm_epsilon": c.norm_eps,
            "resid_pdrop": 0.0,
            "embd_pdrop": 0.0,
            "attn_pdrop": 0.0,
            "tie_word_embeddings": c.tied,
        }
    else:
        values |= {
            "vocab_size": c.vocab_size,
            "max_position_embeddings": c.context_length,
            "hidden_size": c.model_dim,
            "intermediate_size": c.hidden_dim,
            "num_hidden_layers": c.layers,
            "num_attention_heads": c.heads,
            "num_key_value_heads": c.kv_heads,
            "head_dim": c.head_dim,
            "hidden_act": "silu",
            "rms_norm_eps": c.norm_eps,
            # transformers 5 reads the second spelling, everything older the first
            "rope_theta": c.rope_theta,
            "rope_parameters": {"rope_type": "default", "rope_theta": c.rope_theta},
            "attention_bias": c.qkv_bias,
            "attention_dropout": 0.0,
            "tie_word_embeddings": c.tied,
        }
        if kind == "llama":
            values["mlp_bias"] = c.bias
        else:
            values["use_sliding_window"] = False
    return values | {"bos_token_id": bos, "eos_token_id": eos, "dtype": dtype, "torch_dtype": dtype}


def read_config(values: dict, file) -> Config:
    """The Config that the contents of config.json describe; `file` is named in errors."""
    kind = values.get("model_type")
    if not isinstance(kind, str) or kind not in ARCHITECTURES:
        raise ValueError(f"{file}: model_type {kind!r} is none of {', '.join(ARCHITECTURES)}")

    def need(name):
        if values.get(name) is None:
            raise ValueError(f"{file}: {name} is missing, and model_type {kind!r} needs it")
        return values[name]

    def only(name, *allowed):
        """Settings of the format that this engine does not have."""
        if values.get(name, allowed[0]) not in allowed:
            wanted = " or ".join(repr(a) for a in allowed)
            raise ValueError(f"{file}: {name} {values[name]!r} is not supported, only {wanted}")

    try:
        if kind == "gptengine":
            known = Config.__dataclass_fields__
            return Config.from_dict({k: v for k, v in values.items() if k in known})
        if kind == "gpt2":
            only("scale_attn_weights", True)
            only("scale_attn_by_inverse_layer_idx", False)
            only("add_cross_attention", False)
            only("activation_function", "gelu_new", *GPT2_ACTIVATIONS_READ)
            activation = values.get("activation_function", "gelu_new")
            return Config(
                vocab_size=need("vocab_size"),
                context_length=need("n_positions"),
                layers=need("n_layer"),
                heads=need("n_head"),
                model_dim=need("n_embd"),
                hidden_dim=values.get("n_inner"),
                norm_eps=values.get("layer_norm_epsilon", 1e-5),
                activation=GPT2_ACTIVATIONS_READ[activation],
                tied=values.get("tie_word_embeddings", True),
            )
        only("hidden_act", "silu", "swish")
        only("use_sliding_window", False, None)
        rope = values.get("rope_parameters") or {}
        scaling = values.get("rope_scaling") or rope
        for name, value in (("rope_parameters", rope), ("rope_scaling", scaling)):
            if not isinstance(value, dict):
                raise ValueError(f"{file}: {name} {value!r} must be an object")
        rope_type = scaling.get("rope_type", scaling.get("type", "default"))
        if rope_type != "default":
            raise ValueError(f"{file}: rope_type {rope_type!r} is not supported, only 'default'")
        attention_bias = values.get("attention_bias", False)
        bias = kind == "llama" and values.get("mlp_bias", False)
        if kind == "llama" and bias != attention_bias:
            raise ValueError(
                f"{file}: attention_bias {attention_bias} with mlp_bias {bias} is not supported, "
                f"only both alike"
            )
        if kind == "qwen3":
            only("attention_bias", False)
        return Config(
            vocab_size=need("vocab_size"),
            context_length=need("max_position_embeddings"),
            layers=need("num_hidden_layers"),
            heads=need("num_attention_heads"),
            model_dim=need("hidden_size"),
            kv_heads=values.get("num_key_value_heads"),
            head_dim=values.get("head_dim"),
            hidden_dim=need("intermediate_size"),
            norm="rms",
            norm_eps=values.get("rms_norm_eps", 1e-6),
            position="rope",
            rope_theta=rope.get("rope_theta", values.get("rope_theta", 10000.0)),
            activation="swiglu",
            bias=bias,
            qkv_bias=kind == "qwen2" or bias,
            tied=values.get("tie_word_embeddings", False),
            qk_norm=kind == "qwen3",
        )
    except ValueError as error:
        message = str(error)
        raise ValueError(
            message if message.startswith(str(file)) else f"{file}: {message}"
        ) from None


def parts(c: Config) -> dict[str, list[Part]]:
    """Where each of our parameters lies in the folder: our name to its parts."""
    shapes = c.parameter_shapes()
    kind = model_type(c)
    if kind == "gptengine":
        return {name: [Part(name, 0, shape[0])] for name, shape in shapes.items()}
    rename = _gpt2_parts if kind == "gpt2" else _llama_parts
    return {name: rename(c, name, shape[0]) for name, shape in shapes.items()}


def ignored(c: Config, name: str) -> bool:
    """Whether a tensor of the folder is no parameter but a constant that old files carry."""
    return name.endswith((".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq"))


def _gpt2_parts(c: Config, name: str, rows: int) -> list[Part]:
    top = {
        "wte": "transformer.wte.weight",
        "wpe": "transformer.wpe.weight",
        "norm.weight": "transformer.ln_f.weight",
        "norm.bias": "transformer.ln_f.bias",
        "lm_head.weight": "lm_head.weight",
    }
    if name in top:
        return [Part(top[name], 0, rows)]
    _, i, rest = name.split(".", 2)
    module, kind = rest.rsplit(".", 1)
    theirs = {
        "norm1": "ln_1",
        "norm2": "ln_2",
        "attn.qkv": "attn.c_attn",
        "attn.proj": "attn.c_proj",
        "mlp.fc": "mlp.c_fc",
        "mlp.proj": "mlp.c_proj",
    }[module]
    # GPT-2 keeps its matrices [in, out], as TensorFlow did
    transposed = kind == "weight" and not module.startswith("norm")
    return [Part(f"transformer.h.{i}.{theirs}.{kind}", 0, rows, transposed)]


def _llama_parts(c: Config, name: str, rows: int) -> list[Part]:
    top = {
        "wte": "model.embed_tokens.weight",
        "norm.weight": "model.norm.weight",
        "lm_head.weight": "lm_head.weight",
    }
    if name in top:
        return [Part(top[name], 0, rows)]
    _, i, rest = name.split(".", 2)
    module, kind = rest.rsplit(".", 1)
    layer = f"model.layers.{i}"
    if module == "attn.qkv":
        q, kv = c.heads * c.head_dim, c.kv_heads * c.head_dim
        ends = {"q_proj": (0, q), "k_proj": (q, q + kv), "v_proj": (q + kv, q + 2 * kv)}
        return [Part(f"{layer}.self_attn.{p}.{kind}", *span) for p, span in ends.items()]
    if module == "mlp.fc":
        F = c.hidden_dim
        return [
            Part(f"{layer}.mlp.gate_proj.{kind}", 0, F),
            Part(f"{layer}.mlp.up_proj.{kind}", F, 2 * F),
        ]
    theirs = {
        "norm1": "input_layernorm",
        "norm2": "post_attention_layernorm",
        "attn.proj": "self_attn.o_proj",
        "attn.q_norm": "self_attn.q_norm",
        "attn.k_norm": "self_attn.k_norm",
        "mlp.proj": "mlp.down_proj",
    }[module]
    return [Part(f"{layer}.{theirs}.{kind}", 0, rows)]
