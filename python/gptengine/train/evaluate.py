"""How well a model predicts a text: nats a token and bits a byte."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gptengine.data import TokenShards, sequential


def bytes_per_token(tok) -> np.ndarray:
    """How many bytes of text each token stands for, (V,) int64; special tokens stand for none.

    A space between words, or before one, is of the text: so a token counts as it is read inside
    one, which two of it show, without at most one such space at the edge.
    """
    twice = [len(tok.decode_bytes([i, i])) for i in range(tok.vocab_size)]
    counts = (np.array(twice, np.int64) + 1) // 2
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
    for logp, targets in scored(model, shards, batch, context, most_tokens):
        nats -= float(np.sum(logp, dtype=np.float64))
        tokens += targets.size
        text += int(token_bytes[targets].sum())
    bits = nats / math.log(2)
    return {"val_loss": nats / tokens, "val_bpb": bits / max(1, text), "val_tokens": tokens}


def scored(
    model,
    shards: TokenShards,
    batch: int,
    context: int,
    most_tokens: int | None = None,
    **options,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(log p, token), (N,) each, of the blocks that `evaluate` is about, batch by batch.

    options: of `model.logprob`.
    """
    for inputs, targets in sequential(shards, batch, context, most_tokens):
        yield model.logprob(inputs, targets, **options), targets.reshape(-1)


def lost(logp: np.ndarray, plain: np.ndarray) -> tuple[float, float]:
    """By what share perplexity is higher than with the plain weights, and its standard error.

    logp, plain: (N,) log p of the same tokens. The two models err on the same tokens, so their
    difference is far surer than either perplexity.
    """
    difference = plain.astype(np.float64) - logp
    ratio = math.exp(difference.mean())
    return ratio - 1, ratio * float(difference.std()) / math.sqrt(len(difference))
