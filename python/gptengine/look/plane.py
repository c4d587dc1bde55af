"""A map of words: their embeddings on the two axes along which they differ most."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from gptengine.look.embedding import Word, embeddings, read_word, unit, vector
from gptengine.model import Model

MOST_WORDS = 500  # more labels cannot be read
CANDIDATES = 64  # that a model is asked about at once


@dataclasses.dataclass(frozen=True)
class Plane:
    """Words and where they lie.

    points: (n, 2) float64, around 0   shares: (2,) the part of the words' variance on each axis
    """

    words: list[Word]
    points: np.ndarray
    shares: np.ndarray


def plane(model: Model, tok, words: Iterable[str] = ()) -> Plane:
    """Principal components of the words' embeddings, each of length 1 as for cosines.

    words: from 3 to 500, or none for the most frequent ones. A word given twice counts once.
    """
    read = list(dict.fromkeys(read_word(tok, w) for w in words or frequent_words(model, tok)))
    if not 3 <= len(read) <= MOST_WORDS:
        raise ValueError(f"plane: {len(read)} words must be from 3 to {MOST_WORDS}")
    table = embeddings(model, tok)
    rows = np.stack([unit(vector(table, word)) for word in read])
    left, sizes, _ = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    points = np.zeros((len(read), 2))
    points[:, : len(sizes)] = (left * sizes)[:, :2]
    points *= np.where(points.max(0) < -points.min(0), -1, 1)  # the SVD leaves the sign open
    shares = np.zeros(2)
    shares[: len(sizes)] = (sizes**2 / max((sizes**2).sum(), 1e-30))[:2]
    return Plane(read, points, shares)


def frequent_words(model: Model, tok, n: int = 60) -> list[str]:
    """The first n tokens that are words with a space before them: merges are learned by count.

    Words have at least three letters, and the model does not expect another letter after them:
    " wor" is only a part of some. A vocabulary without such tokens gives its first printable ones.
    """
    specials = set(tok.special_tokens.values())
    texts = {
        i: tok.token_bytes(i).decode("utf-8", "replace")
        for i in range(tok.vocab_size)
        if i not in specials
    }
    letters = [i for i, text in texts.items() if text[:1].isalpha()]
    words = [i for i, t in texts.items() if t.startswith(" ") and len(t) > 3 and t[1:].isalpha()]
    found: list[str] = []
    for begin in range(0, len(words), CANDIDATES):
        if len(found) >= n:
            break
        some = words[begin : begin + CANDIDATES]
        whole = more_letters(model, some, letters) < 0.5
        found += [texts[i] for i, is_word in zip(some, whole, strict=True) if is_word]
    if len(found) < 3:
        found = [t for t in texts.values() if t.strip() and t.isprintable() and "\ufffd" not in t]
    return found[:n]


def more_letters(model: Model, ids: list[int], letters: list[int]) -> np.ndarray:
    """The probability that one of `letters` comes next, after each id by itself; (n,) float64."""
    if model.config.head != "lm" or not model.config.causal:
        return np.zeros(len(ids))  # such a model has no opinion
    z = model.logits(np.array(ids)[:, None]).astype(np.float64)
    p = np.exp(z - z.max(-1, keepdims=True))
    return p[:, letters].sum(-1) / p.sum(-1)
