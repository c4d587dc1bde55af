"""Texts to vectors: the hidden states of each, pooled to one; `Model.encode` and its tokens.

Texts are packed end to end without padding, the long ones first. A text's vector does not depend on
what it is packed with.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from gptengine.sentence import Pooling
from gptengine.tokenizer import WordPiece

BATCH_TOKENS = 8192  # tokens of a pass: enough for all threads, little memory
SMALLEST = 1e-12  # a vector's length counts as at least that, as in sentence-transformers


def encode(
    model, texts, tokenizer=None, *, pooling: Pooling | str | None = None, truncate: bool = False
) -> np.ndarray:
    """(n, C) float32, a vector a text, of length 1 unless the pooling says otherwise.

    tokenizer, pooling: those of the model's folder if None, and else the mean. pooling may be
    "mean", "cls" or "last" alone.
    A text of more tokens than `pooling.max_length` or the context is a ValueError; with truncate
    its end is cut off, but for the tokens that the tokenizer's template puts behind texts.
    """
    if isinstance(texts, (str, bytes)):
        raise ValueError("encode: texts must be several texts: for one, give a list of it")
    texts, own = list(texts), model.pooling or Pooling()
    if isinstance(pooling, str):
        pooling = dataclasses.replace(own, mode=pooling)
    pooling, tokenizer = pooling or own, tokenizer or model.tokenizer
    if tokenizer is None:
        raise ValueError("encode: the model has no tokenizer of its own: give one")
    if tokenizer.vocab_size > model.config.vocab_size:
        raise ValueError(
            f"encode: the tokenizer has {tokenizer.vocab_size} tokens, the model's vocabulary only "
            f"{model.config.vocab_size}"
        )
    context = model.config.context_length
    rows = tokens_of(texts, tokenizer, min(pooling.max_length or context, context), truncate)
    vectors = np.empty((len(rows), model.config.model_dim), np.float32)
    for group in groups([len(row) for row in rows], BATCH_TOKENS):
        segments = np.cumsum([0, *(len(rows[i]) for i in group)], dtype=np.int32)
        hidden = model.hidden(np.concatenate([rows[i] for i in group]), segments)
        vectors[group] = pooled(hidden, segments, pooling.mode)
    if pooling.normalize:
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors /= np.maximum(lengths, SMALLEST)
    return vectors


def tokens_of(texts, tokenizer, most: int, truncate: bool) -> list[np.ndarray]:
    """The tokens of each text, at most so many; names of special tokens are text like any other."""
    around = {"template": True} if isinstance(tokenizer, WordPiece) else {}
    ids, ends = tokenizer.encode_batch(texts, specials="text", **around)
    after = len(tokenizer.template[1]) if around else 0
    rows = []
    for i, (begin, end) in enumerate(zip(ends[:-1], ends[1:], strict=True)):
        row = ids[begin:end]
        if len(row) == 0:
            raise ValueError(f"encode: text {i} has no tokens")
        if len(row) > most:
            if not truncate:
                raise ValueError(
                    f"encode: text {i} has {len(row)} tokens, at most {most} are allowed; "
                    f"truncate=True cuts its end off"
                )
            row = np.concatenate([row[: most - after], row[len(row) - after :]])
        rows.append(row)
    return rows


def groups(lengths, most: int):
    """Indices of texts for one pass each: the longest first, together at most so many tokens."""
    group, total = [], 0
    for i in np.argsort(-np.asarray(lengths, np.int64), kind="stable").tolist():
        if group and total + lengths[i] > most:
            yield group
            group, total = [], 0
        group.append(i)
        total += lengths[i]
    if group:
        yield group


def pooled(hidden: np.ndarray, segments: np.ndarray, mode: str) -> np.ndarray:
    """(B, C) of hidden (N, C): the mean, the first or the last row of each segment."""
    if mode == "cls":
        return hidden[segments[:-1]]
    if mode == "last":
        return hidden[segments[1:] - 1]
    sums = np.add.reduceat(hidden, segments[:-1], axis=0, dtype=np.float64)
    return sums / np.diff(segments)[:, None]
