"""How GGUF files say that rotary frequencies are stretched: keys, or for Llama 3.x a tensor.

The tensor has a divisor for each pair of a head's numbers and no key says where they come from, so
a file is only read if they are those of Llama 3.x.
"""

from __future__ import annotations

import numpy as np

from gptengine.config import Config

TENSOR = "rope_freqs.weight"
LOW, HIGH = 1.0, 4.0  # turns, as every Llama 3.x has them
CONTEXT = 8192  # tokens that Llama 3 was trained on, before its context was stretched
LOW_YARN, HIGH_YARN = 1.0, 32.0  # turns; llama.cpp has no others for these architectures


def write_keys(c: Config) -> dict:
    """The keys, without the name of the architecture before them."""
    if c.rope_scaling == "none":
        return {}
    if c.rope_scaling in ("dynamic", "longrope"):
        raise ValueError(f"gguf: there is no key for rope_scaling {c.rope_scaling!r}")
    turns = {"llama3": (LOW, HIGH), "yarn": (LOW_YARN, HIGH_YARN)}.get(c.rope_scaling)
    if turns and turns != (c.rope_low, c.rope_high):
        raise ValueError(
            f"gguf: rope_scaling {c.rope_scaling!r} has rope_low {turns[0]:g} and rope_high "
            f"{turns[1]:g} there, not {c.rope_low:g} and {c.rope_high:g}"
        )
    if c.rope_scaling == "llama3":
        return {"rope.scaling.original_context_length": c.rope_context}
    keys = {"rope.scaling.type": c.rope_scaling, "rope.scaling.factor": c.rope_factor}
    if c.rope_scaling == "yarn":
        keys["rope.scaling.original_context_length"] = c.rope_context
    return keys


def divisors(c: Config) -> np.ndarray | None:
    """(D/2,) float32, the tensor of a file, or None where there is none."""
    if c.rope_scaling != "llama3":
        return None
    return _divisors(
        c.rope_theta, c.head_dim // 2, c.rope_factor, c.rope_context, c.rope_low, c.rope_high
    )


def _divisors(theta, pairs, factor, context, low, high):
    turns = context * theta ** -(np.arange(pairs) / pairs) / (2 * np.pi)
    kept = np.clip((turns - low) / (high - low), 0, 1)
    return (1 / ((1 - kept) / factor + kept)).astype(np.float32)


def read_fields(take, left: dict, stored: np.ndarray | None, theta: float) -> dict:
    """The fields of a Config that say the stretching; their keys are taken out of `left`.

    take(key, default): a number of the file. stored: its tensor, if it has one.
    """
    kind = left.pop("rope.scaling.type", None)
    factor = float(take("rope.scaling.factor", 1.0)) or 1.0
    context = take("rope.scaling.original_context_length", 0)
    if kind not in (None, "none", "linear", "yarn"):
        raise ValueError(f"rope.scaling.type {kind!r:.80} is not supported, only linear and yarn")
    if kind == "none" or (factor == 1 and kind != "yarn"):
        return {} if stored is None else _llama3(stored, theta, context)
    if stored is not None:
        raise ValueError(
            f"the tensor {TENSOR} beside rope.scaling.factor {factor:g} is not supported"
        )
    if kind != "yarn":
        return dict(rope_scaling="linear", rope_factor=factor)
    return dict(
        rope_scaling="yarn",
        rope_factor=factor,
        rope_context=context,
        rope_low=LOW_YARN,
        rope_high=HIGH_YARN,
    )


def _llama3(stored, theta, context):
    stored = stored.reshape(-1)
    factor = float(stored.max())
    for guess in (context, CONTEXT):
        with np.errstate(all="ignore"):  # of what may be any numbers
            want = _divisors(theta, stored.size, factor, guess, LOW, HIGH)
        if guess and np.allclose(stored, want, rtol=1e-4):
            return dict(
                rope_scaling="llama3",
                rope_factor=factor,
                rope_context=guess,
                rope_low=LOW,
                rope_high=HIGH,
            )
    raise ValueError(f"the tensor {TENSOR!r} is not that of Llama 3.x, which alone is supported")
