"""How a Config and its parameters are spelled in GGUF files: keys of an architecture, tensors.

GPT-2, Llama (Mistral and SmolLM are of that shape), Qwen2 and Qwen3. What a file says that this
engine does not have is refused by its name.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from gptengine.config import Config
from gptengine.gguf import rope
from gptengine.huggingface import model_type
from gptengine.huggingface.fields import in_layer

ARCHITECTURES = ("gpt2", "llama", "qwen2", "qwen3")
LAYER_EPS, RMS_EPS = "attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon"
# Keys that a Config has no field for, and the values that change nothing; None: any.
HARMLESS = {
    "vocab_size": None,  # the embedding says it
    "attention.causal": (True,),
    "attention.sliding_window": (0,),
    "attention.clamp_kqv": (0.0,),
    "attention.max_alibi_bias": (0.0,),
    "expert_count": (0,),
    "expert_used_count": (0,),
    "leading_dense_block_count": (0,),
    "logit_scale": (0.0, 1.0),
    "pooling_type": (0,),
    "tensor_data_layout": None,  # how the rows of Llama's queries are ordered, always the same
    "rope.scale_linear": (0.0, 1.0),
    "rope.scaling.attn_factor": (0.0, 1.0),
    "rope.scaling.yarn_attn_factor": (1.0,),
    "rope.scaling.yarn_ext_factor": (1.0,),
    "rope.scaling.yarn_log_multiplier": (0.0,),
    "rope.scaling.yarn_beta_fast": (rope.HIGH_YARN,),
    "rope.scaling.yarn_beta_slow": (rope.LOW_YARN,),
    "rope.scaling.finetuned": None,
}
TOP = {
    "wte": "token_embd.weight",
    "wpe": "position_embd.weight",
    "norm.weight": "output_norm.weight",
    "norm.bias": "output_norm.bias",
    "lm_head.weight": "output.weight",
}
MODULES = {
    "norm1": "attn_norm",
    "norm2": "ffn_norm",
    "attn.qkv": "attn_qkv",
    "attn.proj": "attn_output",
    "attn.q_norm": "attn_q_norm",
    "attn.k_norm": "attn_k_norm",
    "mlp.fc": "ffn_up",
    "mlp.proj": "ffn_down",
}


class Part(NamedTuple):
    """A tensor of the file: rows `[begin, end)` of one of our parameters.

    heads: of how many heads its rows are, where the file has each head's two halves interleaved,
    as the rotation of Llama in llama.cpp wants them; else 0.
    """

    name: str
    begin: int
    end: int
    heads: int = 0

    def order(self) -> np.ndarray:
        """Which of our rows stands at each row of the file."""
        rows = np.arange(self.begin, self.end)
        if self.heads:
            rows = rows.reshape(self.heads, 2, -1).swapaxes(1, 2).reshape(-1)
        return rows


def architecture(c: Config) -> str:
    """The general.architecture that says all of `c`; ValueError if none does."""
    kind = model_type(c)
    if kind not in ARCHITECTURES:
        raise ValueError(
            f"gguf: a model of the type {kind!r} (norm {c.norm!r} {c.norm_order!r}, position "
            f"{c.position!r}, activation {c.activation!r}, head {c.head!r}) is none of "
            f"{', '.join(ARCHITECTURES)}"
        )
    return kind


def write_keys(c: Config) -> dict:
    """The keys of the architecture; ValueError if a reader would not find all of `c` in them."""
    keys = _keys(c)
    shapes = {part.name: (part.end - part.begin,) for p in parts(c).values() for part in p}
    found = read_config(keys, shapes, rope.divisors(c))
    for field in dataclasses.fields(Config):
        said, read = getattr(c, field.name), getattr(found, field.name)
        close = isinstance(said, float) and math.isclose(said, read, rel_tol=1e-6)  # in float32
        if said != read and not close:
            raise ValueError(
                f"gguf: a {keys['general.architecture']} file cannot say {field.name} {said!r}: it "
                f"would be read as {read!r}"
            )
    return keys


def _keys(c: Config) -> dict:
    kind = architecture(c)
    values = {
        "context_length": c.context_length,
        "embedding_length": c.model_dim,
        "block_count": c.layers,
        "feed_forward_length": c.hidden_dim,
        "attention.head_count": c.heads,
        "attention.head_count_kv": c.kv_heads,
        LAYER_EPS if c.norm == "layer" else RMS_EPS: c.norm_eps,
        "vocab_size": c.vocab_size,
    }
    if c.position == "rope":
        values |= {
            "attention.key_length": c.head_dim,
            "attention.value_length": c.head_dim,
            "rope.dimension_count": c.head_dim,
            "rope.freq_base": c.rope_theta,
            **rope.write_keys(c),
        }
    return {"general.architecture": kind} | {f"{kind}.{key}": v for key, v in values.items()}


def read_config(keys: dict, shapes: dict[str, tuple], divisors=None) -> Config:
    """The Config of a file with these keys and tensors of these shapes, by name.

    divisors: the tensor that stretches rotary frequencies, if there is one.
    """
    kind = keys.get("general.architecture")
    if kind not in ARCHITECTURES:
        raise ValueError(
            f"general.architecture {kind!r:.80} is not supported, only {', '.join(ARCHITECTURES)}"
        )
    if keys.get("split.count", 0) not in (0, 1):
        raise ValueError(
            f"split.count is {keys['split.count']!r:.40}: the model is in several files; join them "
            f"with llama-gguf-split --merge"
        )
    prefix = f"{kind}."
    left = {key[len(prefix) :]: v for key, v in keys.items() if key.startswith(prefix)}

    def take(name, default=None):
        if name not in left and default is None:
            raise ValueError(f"the key {prefix}{name} is missing")
        value = left.pop(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{prefix}{name} is {value!r:.80}, not a number")
        return value

    heads, model_dim = take("attention.head_count"), take("embedding_length")
    sizes = dict(
        vocab_size=shapes.get(TOP["wte"], (0,))[0],
        context_length=take("context_length"),
        layers=take("block_count"),
        heads=heads,
        model_dim=model_dim,
        hidden_dim=take("feed_forward_length"),
        kv_heads=take("attention.head_count_kv", heads),
        tied=TOP["lm_head.weight"] not in shapes,
    )
    if not sizes["vocab_size"]:
        raise ValueError(f"the tensor {TOP['wte']} is missing")
    if kind == "gpt2":
        config = Config(**sizes, norm_eps=shortest(take(LAYER_EPS)))
    else:
        theta = shortest(take("rope.freq_base", 10000.0))
        biases = {m: f"blk.0.{m}.bias" in shapes for m in ("attn_q", "attn_output")}
        config = Config(
            **sizes,
            norm="rms",
            norm_eps=shortest(take(RMS_EPS)),
            position="rope",
            activation="swiglu",
            head_dim=take("attention.key_length", model_dim // max(1, heads)),
            rope_theta=theta,
            **rope.read_fields(take, left, divisors, theta),
            bias=biases["attn_output"],
            qkv_bias=biases["attn_q"],
            qk_norm=kind == "qwen3",
        )
        for name in ("attention.value_length", "rope.dimension_count"):
            if take(name, config.head_dim) != config.head_dim:
                raise ValueError(
                    f"{prefix}{name} {keys[prefix + name]} is not supported, only that of a head, "
                    f"{config.head_dim}"
                )
    for name, value in left.items():
        allowed = HARMLESS.get(name, ())
        if allowed is not None and (isinstance(value, np.ndarray) or value not in allowed):
            only = f", only {' or '.join(map(repr, allowed))}" if allowed else ""
            raise ValueError(f"the key {prefix}{name} {value!r:.80} is not supported{only}")
    return config


def shortest(value: float) -> float:
    """The shortest number that is the same float32: 1e-5 for 9.999999747e-06."""
    with np.errstate(over="ignore"):
        return float(str(np.float32(value)))


def parts(c: Config) -> dict[str, list[Part]]:
    """Where each of our parameters lies in a file: our name to its parts."""
    kind = architecture(c)
    return {name: _parts(c, kind, name, shape[0]) for name, shape in c.parameter_shapes().items()}


def _parts(c: Config, kind: str, name: str, rows: int) -> list[Part]:
    if name in TOP:
        return [Part(TOP[name], 0, rows)]
    i, module, suffix = in_layer(name)
    if kind != "gpt2" and module == "attn.qkv":
        q, kv = c.heads * c.head_dim, c.kv_heads * c.head_dim
        heads = (c.heads, c.kv_heads) if kind == "llama" else (0, 0)
        return [
            Part(f"blk.{i}.attn_q.{suffix}", 0, q, heads[0]),
            Part(f"blk.{i}.attn_k.{suffix}", q, q + kv, heads[1]),
            Part(f"blk.{i}.attn_v.{suffix}", q + kv, q + 2 * kv),
        ]
    if kind != "gpt2" and module == "mlp.fc":
        F = c.hidden_dim
        return [
            Part(f"blk.{i}.ffn_gate.{suffix}", 0, F),
            Part(f"blk.{i}.ffn_up.{suffix}", F, 2 * F),
        ]
    return [Part(f"blk.{i}.{MODULES[module]}.{suffix}", 0, rows)]
