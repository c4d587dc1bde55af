"""A map of words: their embeddings on the two axes along which they differ most."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from gptengine.look.embedding import Word, embeddings, read_word, unit, vector
from gptengine.model import Model

MOST_WORDS = 500  # more labels cannot be read


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
    read = list(dict.fromkeys(read_word(tok, w) for w in words or frequent_words(tok)))
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


def frequent_words(tok, n: int = 60) -> list[str]:
    """The first n tokens that are a space and at least three letters: merges are learned by count.

    A vocabulary without such tokens gives its first n printable ones.
    """
    specials = set(tok.special_tokens.values())
    texts = [
        tok.token_bytes(i).decode("utf-8", "replace")
        for i in range(tok.vocab_size)
        if i not in specials
    ]
    words = [t for t in texts if t.startswith(" ") and len(t) > 3 and t[1:].isalpha()]
    if len(words) < 3:
        words = [t for t in texts if t.strip() and t.isprintable() and "\ufffd" not in t]
    return words[:n]
