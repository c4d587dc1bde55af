"""Configs that together try every pair of options, and small packed batches for them."""

import dataclasses
import itertools

import numpy as np

from gptengine.config import Config

OPTIONS = dict(
    norm=["layer", "rms"],
    norm_order=["pre", "post"],
    position=["learned", "sinusoidal", "rope", "alibi"],
    activation=["gelu", "gelu_tanh", "relu", "silu", "swiglu"],
    bias=[True, False],
    qkv_bias=[True, False],
    tied=[True, False],
    kv_heads=[6, 3, 1],
    head_dim=[4, 6],
    qk_norm=[False, True],
    causal=[True, False],
    head=["lm", "value", "reward"],
    embedding_norm=[False, True],
    token_types=[0, 3],
)


def pairs(choice):
    """What a choice tries together: each pair of options with their values."""
    return set(itertools.combinations(choice.items(), 2))


def pairwise(options, draws=200):
    """Few choices that hold every pair of values of any two options: the best of many draws."""
    rng = np.random.default_rng(0)
    draw = lambda: {name: values[rng.integers(len(values))] for name, values in options.items()}
    everything = itertools.combinations(options.items(), 2)
    missing = {((a, x), (b, y)) for (a, xs), (b, ys) in everything for x in xs for y in ys}
    while missing:
        best, *_ = sorted((draw() for _ in range(draws)), key=lambda c: -len(pairs(c) & missing))
        if pairs(best) & missing:
            missing -= pairs(best)
            yield best


def small(**options):
    """A Config of odd sizes: no dimension is a multiple of a vector or of a tile."""
    sizes = dict(vocab_size=67, context_length=40, layers=2, heads=6, model_dim=30, hidden_dim=52)
    return Config(**{**sizes, "head_dim": 6, **options})


CASES = [
    *(small(**options) for options in pairwise(OPTIONS)),
    small(position="rope", kv_heads=3, window=9),
    *(
        small(position="rope", norm="rms", rope_scaling=kind, rope_factor=4.0, **more)
        for kind, more in {
            "linear": {},
            "llama3": dict(rope_context=20, rope_high=2.0),
            "yarn": dict(rope_context=20, rope_high=8.0),
            "dynamic": {},
        }.items()
    ),
    small(
        position="rope",
        rope_scaling="longrope",
        rope_divisors=(1.0, 2.5, 4.0),
        rope_attention=1.2,
        windows=(0, 9),
    ),
]


def case_id(c):
    return "-".join(str(getattr(c, name)) for name in OPTIONS)


def packed(c, rng, lengths=(7, 1, 33, 12)):
    """tokens (N,), targets (N,) with some ignored, segments (B+1,)"""
    segments = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    tokens, targets = rng.integers(0, c.vocab_size, (2, segments[-1]), dtype=np.int32)
    targets[rng.random(len(targets)) < 0.2] = -1
    return tokens, targets, segments


# Sizes where work is divided among threads and attention has several tiles of keys.
_SIZES = dict(vocab_size=331, context_length=150, layers=2, heads=4, model_dim=88)
SHAPES = {
    "gpt2": Config(**_SIZES),
    "llama": Config.llama(**_SIZES, kv_heads=2),
    "qwen3": Config.qwen3(**_SIZES, kv_heads=1, head_dim=40),
    "mistral": dataclasses.replace(Config.llama(**_SIZES, kv_heads=2), window=70),
    "qwen2": dataclasses.replace(
        Config.llama(**_SIZES, kv_heads=2, qkv_bias=True), windows=(0, 70)
    ),
    "longrope": dataclasses.replace(
        Config.llama(**_SIZES),
        rope_scaling="longrope",
        rope_divisors=tuple(1 + i / 4 for i in range(11)),
        rope_attention=1.1,
    ),
    "alibi": Config(**_SIZES, position="alibi", norm_order="post", activation="gelu", tied=False),
    "llama3": dataclasses.replace(
        Config.llama(**_SIZES), rope_scaling="llama3", rope_factor=8.0, rope_context=40
    ),
    "encoder": Config(**_SIZES, position="sinusoidal", activation="relu", causal=False),
}
DECODERS = [name for name, c in SHAPES.items() if c.causal]
