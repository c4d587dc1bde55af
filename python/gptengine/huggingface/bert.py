"""BERT's folders: post-norm, attention both ways, learned positions, types of tokens.

The trunk alone is a model here, as in a sentence encoder: its output matrix is its embedding. The
heads that folders may hold beside it, the pooler and that of masked words, are not read.
"""

from __future__ import annotations

from gptengine.config import Config
from gptengine.huggingface.fields import Fields, Part, in_layer

KINDS = {"bert": "BertModel"}
PREFIX = "bert."  # models with a head have it
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "swish": "silu",
}


def kind_of(c: Config) -> str | None:
    if (c.norm, c.norm_order, c.position) != ("layer", "post", "learned") or c.causal:
        return None
    if c.kv_heads != c.heads or c.heads * c.head_dim != c.model_dim or c.qk_norm:
        return None
    whole = c.bias and c.qkv_bias and c.tied and c.embedding_norm and c.token_types
    return "bert" if whole and c.activation != "swiglu" else None


def write(c: Config, kind: str) -> dict:
    return {
        "vocab_size": c.vocab_size,
        "max_position_embeddings": c.context_length,
        "type_vocab_size": c.token_types,
        "hidden_size": c.model_dim,
        "intermediate_size": c.hidden_dim,
        "num_hidden_layers": c.layers,
        "num_attention_heads": c.heads,
        "hidden_act": next(t for t, ours in ACTIVATIONS.items() if ours == c.activation),
        "layer_norm_eps": c.norm_eps,
        "position_embedding_type": "absolute",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "tie_word_embeddings": True,
    }


def read(fields: Fields) -> Config:
    fields.only("position_embedding_type", "absolute", None)
    fields.only("is_decoder", False, None)
    fields.only("add_cross_attention", False, None)
    return Config(
        vocab_size=fields.need("vocab_size"),
        context_length=fields.need("max_position_embeddings"),
        layers=fields.need("num_hidden_layers"),
        heads=fields.need("num_attention_heads"),
        model_dim=fields.need("hidden_size"),
        hidden_dim=fields.need("intermediate_size"),
        norm_order="post",
        norm_eps=fields.get("layer_norm_eps", 1e-12),
        activation=fields.renamed("hidden_act", ACTIVATIONS),
        causal=False,
        embedding_norm=True,
        token_types=fields.need("type_vocab_size"),
    )


def ignored(name: str) -> bool:
    """Constants that old files carry, and heads."""
    name = name.removeprefix(PREFIX)
    return name == "embeddings.position_ids" or name.startswith(("pooler.", "cls."))


def parts(c: Config, name: str, rows: int) -> list[Part]:
    top = {
        "wte": "embeddings.word_embeddings.weight",
        "wpe": "embeddings.position_embeddings.weight",
        "wtt": "embeddings.token_type_embeddings.weight",
        "embedding_norm.weight": "embeddings.LayerNorm.weight",
        "embedding_norm.bias": "embeddings.LayerNorm.bias",
    }
    if name in top:
        return [Part(top[name], 0, rows)]
    i, module, kind = in_layer(name)
    layer = f"encoder.layer.{i}"
    if module == "attn.qkv":
        C = c.model_dim
        return [
            Part(f"{layer}.attention.self.{p}.{kind}", j * C, (j + 1) * C)
            for j, p in enumerate(("query", "key", "value"))
        ]
    theirs = {
        "norm1": "attention.output.LayerNorm",
        "norm2": "output.LayerNorm",
        "attn.proj": "attention.output.dense",
        "mlp.fc": "intermediate.dense",
        "mlp.proj": "output.dense",
    }[module]
    return [Part(f"{layer}.{theirs}.{kind}", 0, rows)]
