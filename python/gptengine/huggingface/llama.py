"""The folders of Llama and its kin: Mistral, Ministral, Qwen2, Qwen3; SmolLM is a Llama.

Phi-3 is a Llama or a Mistral whose matrices are joined in its files. It is read, and written as
what it is.
"""

from __future__ import annotations

from gptengine.config import MOST_LAYERS, Config
from gptengine.huggingface import rope
from gptengine.huggingface.fields import Fields, Part, in_layer

KINDS = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "ministral": "MinistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "phi3": "Phi3ForCausalLM",
}
JOINED = {"attn.qkv": "self_attn.qkv_proj", "mlp.fc": "mlp.gate_up_proj"}  # in Phi-3's files
KIND = ("full_attention", "sliding_attention")
PREFIX = "model."  # models without a head lack it


def kind_of(c: Config) -> str | None:
    """What differs: Mistral has a window, Ministral one in some layers, Qwen2 biases of q, k and v,
    Qwen3 norms of q and k.
    """
    if (c.norm, c.position, c.activation) != ("rms", "rope", "swiglu"):
        return None
    if not (c.causal and c.norm_order == "pre") or c.embedding_norm or c.token_types:
        return None
    if len({*c.windows} - {0}) > 1 or (c.bias and not c.qkv_bias):
        return None
    if c.qkv_bias and not c.bias:
        return None if c.qk_norm else "qwen2"
    if c.qk_norm or c.window or c.windows:
        sliding = "ministral" if c.windows else "mistral"
        return None if c.bias else "qwen3" if c.qk_norm else sliding
    return "llama"


def write(c: Config, kind: str) -> dict:
    windows = [c.window_of(i) for i in range(c.layers)]
    some = {"sliding_window": max(windows), "layer_types": [KIND[w > 0] for w in windows]}
    sometimes = {"use_sliding_window": any(windows), **(some if any(windows) else {})}
    own = {
        "llama": {"mlp_bias": c.bias},
        "mistral": {"sliding_window": c.window},
        "ministral": some,
        "qwen2": sometimes,
        "qwen3": sometimes,
    }
    return {
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
        **rope.write(c),
        "attention_bias": c.qkv_bias,
        "attention_dropout": 0.0,
        "tie_word_embeddings": c.tied,
        **own[kind],
    }


def read(fields: Fields) -> Config:
    kind = fields.kind
    fields.only("hidden_act", "silu", "swish")
    fields.only("rope_interleaved", False, None)
    if kind == "llama":
        bias, mlp_bias = (fields.only(f"{part}_bias", False, True) for part in ("attention", "mlp"))
        if bias != mlp_bias:
            raise ValueError(
                f"{fields.file}: attention_bias {bias} with mlp_bias {mlp_bias} is not supported, "
                f"only both alike"
            )
    else:
        bias = False  # Qwen2 has biases of q, k and v, whatever the file says
        if kind != "qwen2":
            fields.only("attention_bias", False, None)
    # the newer families have defaults of their own for what Llama derives
    some = fields.get if kind in ("llama", "phi3") else fields.need
    heads = some("num_key_value_heads")
    layers = fields.need("num_hidden_layers")
    positions = {"context_length": fields.need("max_position_embeddings"), **rope.read(fields)}
    return Config(
        vocab_size=fields.need("vocab_size"),
        layers=layers,
        heads=fields.need("num_attention_heads"),
        model_dim=fields.need("hidden_size"),
        kv_heads=heads,
        head_dim=fields.get("head_dim", 128 if kind == "qwen3" else None),
        hidden_dim=fields.need("intermediate_size"),
        norm="rms",
        norm_eps=fields.get("rms_norm_eps", 1e-5 if kind == "phi3" else 1e-6),
        position="rope",
        activation="swiglu",
        bias=bias,
        qkv_bias=kind == "qwen2" or bias,
        tied=fields.get("tie_word_embeddings", False),
        qk_norm=kind == "qwen3",
        windows=_windows(fields, kind, layers),
        **positions,
    )


def _windows(fields: Fields, kind: str, layers) -> list:
    """That of each layer."""
    window = fields.get("sliding_window", None if kind == "phi3" else 4096)
    types, first = fields.get("layer_types"), 0
    if kind == "llama":
        window = None
    elif kind in ("qwen2", "qwen3"):
        if not fields.only("use_sliding_window", False, None, True):
            window = None
        first = fields.get("max_window_layers", 28)
    if not isinstance(layers, int) or not 0 < layers <= MOST_LAYERS:
        return []  # Config says what is wrong with it
    if types is None:
        if not isinstance(first, int):
            raise ValueError(f"{fields.file}: max_window_layers {first!r:.40} is no whole number")
        types = [KIND[window is not None and i >= first] for i in range(layers)]
    everywhere = kind in ("mistral", "phi3")
    if everywhere and window is not None and types != [KIND[True]] * layers:
        raise ValueError(  # transformers has the window in all of them, whatever the list says
            f"{fields.file}: layer_types {types!r:.200} are not supported in a {kind} model, only "
            f"in a ministral one"
        )
    if not isinstance(types, list) or len(types) != layers or any(t not in KIND for t in types):
        raise ValueError(
            f"{fields.file}: layer_types {types!r:.200} must be {KIND[False]} or {KIND[True]} for "
            f"each of {layers} layers"
        )
    if window is None and KIND[True] in types:
        raise ValueError(f"{fields.file}: layer_types has {KIND[True]}, but there is no window")
    return [window if t == KIND[True] else 0 for t in types]


def ignored(name: str) -> bool:
    """Constants that old files carry."""
    return name.endswith(".rotary_emb.inv_freq")


def joined(name: str, rows: int) -> Part | None:
    """The one tensor that Phi-3 has for what others keep in several; None for other parameters."""
    if not name.startswith("h."):
        return None
    i, module, kind = in_layer(name)
    return Part(f"model.layers.{i}.{JOINED[module]}.{kind}", 0, rows) if module in JOINED else None


def parts(c: Config, name: str, rows: int) -> list[Part]:
    top = {
        "wte": "model.embed_tokens.weight",
        "norm.weight": "model.norm.weight",
        "lm_head.weight": "lm_head.weight",
    }
    if name in top:
        return [Part(top[name], 0, rows)]
    i, module, kind = in_layer(name)
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
