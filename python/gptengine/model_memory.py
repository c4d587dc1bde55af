"""The memory of a model and its passes by purpose: a plan, nothing is allocated."""

from __future__ import annotations

import contextlib
import dataclasses

from gptengine import _core
from gptengine.config import Config
from gptengine.kv_blocks import blocks_for, kept_dtype

BITS = {None: 0, "q8": 8, "q4": 4}  # of a weight, by `quantize`


def planned_memory(
    config: Config,
    tokens: int,
    *,
    dtype: str = "float32",
    recompute: int = 1,
    training: bool = True,
    quantize: str | None = None,
    trainable: bool = True,
    kv_dtype: str | None = None,
) -> dict[str, int]:
    """Bytes by purpose of a model and its passes of so many tokens: a plan, nothing is allocated.

    training: whether the passes train; trainable: whether the model could, as in Model. workspace:
    what operators work in. decoding: what is added when the model writes one text, the matrices of
    a trainable one laid out for that, and the keys and values of a full context in a cache of
    kv_dtype. Both are estimates.
    """
    bits = BITS[quantize]
    engine_config = _core.GPTConfig(**dataclasses.asdict(config))
    sizes = dict(
        _core.planned_memory(engine_config, dtype, recompute, tokens, training, bits, trainable)
    )
    sizes["workspace"] = _workspace(config, dtype, bits, tokens, training)
    if config.head == "lm" and config.causal:
        blocks = blocks_for(config.context_length)
        sizes["decoding"] = _core.cache_bytes(engine_config, kept_dtype(dtype, kv_dtype), blocks)
        if trainable and not bits:
            sizes["decoding"] += _panels(config, dtype)
    return sizes


def _workspace(c: Config, dtype: str, bits: int, tokens: int, training: bool) -> int:
    threads = _core.threads()
    # linear_logprob.cpp: rows of logits, in equal chunks of at most 48 MiB
    row = 4 * (-(-c.vocab_size // 16) * 16)
    chunks = -(-tokens // max(1, (48 << 20) // row))
    logits = -(-tokens // chunks) * row if c.head == "lm" else 0
    # gemm.cpp: 2048 rows of A for all, 192 columns of B a thread, and partial sums for bfloat16
    widest = max(shape[0] for name, shape in c.parameter_shapes().items() if name.startswith("h."))
    sums = 4 * min(tokens, 2048) * max(widest, c.model_dim) if dtype == "bfloat16" else 0
    gemm = 4 * 2048 * 512 + sums + threads * 4 * 192 * 512
    if bits:  # quantized.cpp: bytes of 256 rows, and 8 bytes for each 32 of them
        gemm = min(tokens, 256) * max(c.hidden_dim, c.model_dim, c.heads * c.head_dim) * 5 // 4
    # kernels/attention.h: tiles of 64 keys and up to 256 rows, or for backward a whole segment
    width, longest = -(-c.head_dim // 16) * 16, min(tokens, c.context_length)
    attention = 64 * (4 * width + 64) + 256 * (2 * width + 17)
    if training:
        rows = longest * (c.heads // c.kv_heads)
        attention = max(attention, 64 * (9 * width + 192) + rows * (width + 2))
    return logits + gemm + threads * 4 * attention


def _panels(c: Config, dtype: str) -> int:
    elements = sum(
        -(-shape[0] // 32) * 32 * shape[1]  # panels are padded to whole tiles
        for name, shape in c.parameter_shapes().items()
        if len(shape) == 2 and name not in ("wpe", "wtt") and (name != "wte" or c.tied)
    )
    return elements * (2 if dtype == "bfloat16" else 4)


@contextlib.contextmanager
def naming_bytes(what: str, plan):
    """A MemoryError says how many bytes were wanted, for what."""
    try:
        yield
    except MemoryError:
        sizes = plan()
        raise MemoryError(
            f"{what}: there is no memory for {sum(sizes.values()):,} bytes: "
            + ", ".join(f"{name} {size:,}" for name, size in sizes.items())
        ) from None
