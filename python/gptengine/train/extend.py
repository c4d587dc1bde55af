"""A vocabulary with more control tokens, and a model with rows for them."""

from __future__ import annotations

import dataclasses

import numpy as np

from gptengine.model import Model
from gptengine.tokenizer import Tokenizer

NOISE = 0.02  # of a new row, as a share of the spread of the others


def longer(tok: Tokenizer, names) -> Tokenizer:
    """A tokenizer with those control tokens that it lacks; all other tokens keep their ids."""
    missing = [name for name in names if name not in tok.special_tokens]
    if not missing:
        return tok
    vocabulary = tok._vocabulary.extended(np.empty((0, 2), np.uint32), missing)
    return Tokenizer(vocabulary, tok.eos_token, tok.config)


def continues(tok: Tokenizer, other: Tokenizer) -> bool:
    """Whether all ids of the other are the same tokens here, made of the same text."""
    mine, theirs = tok._vocabulary, other._vocabulary
    kinds = [(v.split, v.mode, v.ignore_merges) for v in (mine, theirs)]
    return (
        kinds[0] == kinds[1]
        and np.array_equal(mine.merges, theirs.merges)
        and mine.tokens[: len(theirs.tokens)] == theirs.tokens
        and theirs.special_tokens.items() <= mine.special_tokens.items()
    )


def extend(model: Model, tok: Tokenizer, names) -> tuple[Model, Tokenizer]:
    """Both with those of the control tokens that they lack; the same objects if none is missing.

    The model keeps its numbers for all other tokens. A new row is the mean of all rows and a little
    noise of its own: tokens that begin alike could not be told apart by training.
    """
    extended = longer(tok, names)
    if extended.vocab_size <= model.config.vocab_size:
        return model, extended  # the model's vocabulary was padded
    config = dataclasses.replace(model.config, vocab_size=extended.vocab_size)
    options = dict(dtype=model.dtype, device=model.device, recompute=model.recompute)
    larger, rng = Model(config, seed=None, **options), np.random.default_rng(0)
    old, new = model.parameters(), larger.parameters()
    for name, values in new.items():
        before = old[name]
        if values.shape == before.shape:
            values[...] = before
            continue
        rows = len(before)
        values[:rows] = before
        mean, spread = before.mean(0, dtype=np.float64), before.std(0, dtype=np.float64)
        noise = rng.standard_normal((len(values) - rows, *mean.shape))
        values[rows:] = mean + NOISE * spread * noise
    larger.weights_changed()
    return larger, extended
