"""How well a model predicts a text: nats a token and bits a byte."""

from __future__ import annotations

import math

import numpy as np

from gptengine.data import TokenShards, sequential


def bytes_per_token(tok) -> np.ndarray:
    """How many bytes of text each token stands for, (V,) int64; special tokens stand for none."""
    counts = np.array([len(tok.token_bytes(i)) for i in range(tok.vocab_size)], np.int64)
    counts[list(tok.special_tokens.values())] = 0
    return counts


def evaluate(
    model,
    shards: TokenShards,
    token_bytes: np.ndarray,
    batch: int,
    context: int,
    most_tokens: int | None = None,
) -> dict:
    """Loss in nats a token and bits a byte of text, over all of the shards or evenly spread blocks.

    Bits a byte compare models of any tokenizer. All tokens pay, the ends of text too, but only
    bytes of text count: those of the tokens that were scored, which leaves out the end of a shard
    that fills no block.
    """
    nats, tokens, text = 0.0, 0, 0
    for inputs, targets in sequential(shards, batch, context, most_tokens):
        nats -= float(np.sum(model.logprob(inputs, targets), dtype=np.float64))
        tokens += targets.size
        text += int(token_bytes[targets].sum())
    bits = nats / math.log(2)
    return {"val_loss": nats / tokens, "val_bpb": bits / max(1, text), "val_tokens": tokens}
