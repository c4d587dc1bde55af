"""GPT-2's folders: biases everywhere, learned positions, matrices [in, out]."""

from __future__ import annotations

from gptengine.config import Config
from gptengine.huggingface.fields import Fields, Part, in_layer

KINDS = {"gpt2": "GPT2LMHeadModel"}
PREFIX = "transformer."  # the first files lack it
ACTIVATIONS = {
    "gelu_new": "gelu_tanh",
    "gelu": "gelu",
    "relu": "relu",
    "silu": "silu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "swish": "silu",
}


def kind_of(c: Config) -> str | None:
    plain_heads = c.kv_heads == c.heads and c.heads * c.head_dim == c.model_dim
    decoder = c.causal and c.norm_order == "pre" and not (c.window or c.windows or c.embedding_norm)
    if not (decoder and plain_heads) or (c.norm, c.position) != ("layer", "learned"):
        return None
    plain = c.bias and c.qkv_bias and not c.qk_norm and not c.token_types
    return "gpt2" if plain and c.activation != "swiglu" else None


def write(c: Config, kind: str) -> dict:
    return {
        "vocab_size": c.vocab_size,
        "n_positions": c.context_length,
        "n_ctx": c.context_length,
        "n_embd": c.model_dim,
        "n_layer": c.layers,
        "n_head": c.heads,
        "n_inner": c.hidden_dim,
        "activation_function": next(t for t, ours in ACTIVATIONS.items() if ours == c.activation),
        "layer_norm_epsilon": c.norm_eps,
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
        "tie_word_embeddings": c.tied,
    }


def read(fields: Fields) -> Config:
    fields.only("scale_attn_weights", True)
    fields.only("scale_attn_by_inverse_layer_idx", False)
    fields.only("add_cross_attention", False)
    return Config(
        vocab_size=fields.need("vocab_size"),
        context_length=fields.need("n_positions"),
        layers=fields.need("n_layer"),
        heads=fields.need("n_head"),
        model_dim=fields.need("n_embd"),
        hidden_dim=fields.get("n_inner"),
        norm_eps=fields.get("layer_norm_epsilon", 1e-5),
        activation=fields.renamed("activation_function", ACTIVATIONS),
        tied=fields.get("tie_word_embeddings", True),
    )


def ignored(name: str) -> bool:
    """Constants that old files carry."""
    return name.endswith((".attn.bias", ".attn.masked_bias"))


def parts(c: Config, name: str, rows: int) -> list[Part]:
    top = {
        "wte": "transformer.wte.weight",
        "wpe": "transformer.wpe.weight",
        "norm.weight": "transformer.ln_f.weight",
        "norm.bias": "transformer.ln_f.bias",
        "lm_head.weight": "lm_head.weight",
    }
    if name in top:
        return [Part(top[name], 0, rows)]
    i, module, kind = in_layer(name)
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
