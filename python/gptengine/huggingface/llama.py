"""The folders of Llama and its kin: Mistral, Qwen2 and Qwen3; SmolLM calls itself a Llama."""

from __future__ import annotations

from gptengine.config import Config
from gptengine.huggingface import rope
from gptengine.huggingface.fields import Fields, Part

KINDS = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}
PREFIX = "model."  # models without a head lack it


def kind_of(c: Config) -> str | None:
    """What differs: Mistral has a window, Qwen2 biases of q, k and v, Qwen3 norms of q and k."""
    if (c.norm, c.position, c.activation) != ("rms", "rope", "swiglu"):
        return None
    if not (c.causal and c.norm_order == "pre") or c.embedding_norm or c.token_types:
        return None
    if c.qk_norm or c.window:
        alone = not (c.bias or c.qkv_bias or (c.qk_norm and c.window))
        return ("qwen3" if c.qk_norm else "mistral") if alone else None
    if c.bias == c.qkv_bias:
        return "llama"
    return "qwen2" if c.qkv_bias else None


def write(c: Config, kind: str) -> dict:
    own = {
        "llama": {"mlp_bias": c.bias},
        "mistral": {"sliding_window": c.window},
        "qwen2": {"use_sliding_window": False},
        "qwen3": {"use_sliding_window": False},
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
    if kind in ("qwen2", "qwen3"):
        fields.only("use_sliding_window", False, None)
    window = fields.get("sliding_window", 4096) if kind == "mistral" else None
    _check_layer_types(fields, sliding=window is not None)
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
    heads = (
        fields.get("num_key_value_heads") if kind == "llama" else fields.need("num_key_value_heads")
    )
    return Config(
        vocab_size=fields.need("vocab_size"),
        context_length=fields.need("max_position_embeddings"),
        layers=fields.need("num_hidden_layers"),
        heads=fields.need("num_attention_heads"),
        model_dim=fields.need("hidden_size"),
        kv_heads=heads,
        head_dim=fields.get("head_dim", 128 if kind == "qwen3" else None),
        hidden_dim=fields.need("intermediate_size"),
        norm="rms",
        norm_eps=fields.get("rms_norm_eps", 1e-6),
        position="rope",
        activation="swiglu",
        bias=bias,
        qkv_bias=kind == "qwen2" or bias,
        tied=fields.get("tie_word_embeddings", False),
        qk_norm=kind == "qwen3",
        window=0 if window is None else window,
        **rope.read(fields),
    )


def _check_layer_types(fields: Fields, sliding: bool) -> None:
    types = fields.get("layer_types")
    if types is None:
        return
    wanted = "sliding_attention" if sliding else "full_attention"
    if not isinstance(types, list) or any(t != wanted for t in types):
        raise ValueError(
            f"{fields.file}: layer_types {types!r:.200} are not supported, only {wanted!r} in all"
        )


def ignored(name: str) -> bool:
    """Constants that old files carry."""
    return name.endswith(".rotary_emb.inv_freq")


def parts(c: Config, name: str, rows: int) -> list[Part]:
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
