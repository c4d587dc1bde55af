"""Words in a model's table of embeddings: which lie near one another, and sums of them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable

import numpy as np

from gptengine.model import Model
from gptengine.tokenizer.inspect import visible

SIGNS = {"+": 1.0, "-": -1.0, "−": -1.0}


@dataclasses.dataclass(frozen=True)
class Word:
    """A word as it stands in the table: its spelling, with a space before it or not, and its ids.

    A word of several tokens stands for the mean of their embeddings.
    """

    text: str
    ids: tuple[int, ...]

    def __str__(self) -> str:
        few = len(self.ids) == 1
        return visible(self.text.encode()) + ("" if few else f" (mean of {len(self.ids)} tokens)")


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """A token and the cosine between its embedding and what was asked for."""

    id: int
    text: str
    cosine: float


@dataclasses.dataclass(frozen=True)
class Analogy:
    """The words that were added (1.0) or taken off (-1.0), and the tokens nearest to the sum."""

    terms: tuple[tuple[float, Word], ...]
    found: list[Neighbour]

    def __str__(self) -> str:
        signed = "".join(f" {'+' if sign > 0 else '-'} {word}" for sign, word in self.terms)
        return signed.removeprefix(" + ").strip()


def neighbours(model: Model, tok, word: str, n: int = 10) -> tuple[Word, list[Neighbour]]:
    """The word as it was read, and the n other tokens of the largest cosine, nearest first."""
    table, word = embeddings(model, tok), read_word(tok, word)
    return word, nearest(tok, table, vector(table, word), n, but=word.ids)


def analogy(model: Model, tok, expression: str, n: int = 10) -> Analogy:
    """The n tokens nearest to a sum of words, "king - man + woman" (Mikolov et al. 2013).

    Signs stand by themselves, between spaces. Every word counts with length 1. The words themselves
    are left out, spelled with a space before them and without: they would come first.
    """
    table, total, but = embeddings(model, tok), np.zeros(model.config.model_dim), set()
    terms = tuple((sign, read_word(tok, text)) for sign, text in parse(expression))
    for sign, word in terms:
        total += sign * unit(vector(table, word))
        but.update(*(ids for _, ids in spellings(tok, word.text.strip()) if len(ids) == 1))
    if not np.linalg.norm(total) > 1e-6:
        raise ValueError(f"analogy {expression!r}: its words cancel out, nothing is left")
    return Analogy(terms, nearest(tok, table, total, n, but))


def parse(expression: str) -> list[tuple[float, str]]:
    """The signs and words of an analogy: "king - man" is [(1.0, "king"), (-1.0, "man")]."""
    terms, sign, words = [], 1.0, []
    parts = expression.split()
    if not parts or parts[0] not in SIGNS:
        parts.insert(0, "+")
    for part, following in itertools.pairwise([*parts, "+"]):
        if part in SIGNS:
            sign, words = SIGNS[part], []
        else:
            words.append(part)
        if following in SIGNS:
            if not words:
                raise ValueError(f"analogy {expression!r}: a word is missing after {part!r}")
            terms.append((sign, " ".join(words)))
    if len(terms) < 2:
        raise ValueError(f"analogy {expression!r}: write it as 'king - man + woman', with spaces")
    return terms


def embeddings(model: Model, tok) -> np.ndarray:
    """(V, C) float32: the rows that the tokenizer has tokens for."""
    if model.quantized:
        raise ValueError(f"embeddings: a model of {model.quantized} weights has no table to read")
    known, rows = tok.vocab_size, model.config.vocab_size
    if known > rows:
        raise ValueError(
            f"embeddings: the tokenizer has {known} tokens, the model's vocabulary only {rows}"
        )
    table = model.parameters().get("wte")
    return (model.engine.embedding().numpy() if table is None else table)[:known]


def read_word(tok, text: str) -> Word:
    """A word with a space before it, as inside a text, or without if that is fewer tokens."""
    found = spellings(tok, text)
    if not found:
        raise ValueError(f"word {text!r}: there is no token in it")
    spelled, ids = min(found, key=lambda spelling: len(spelling[1]))
    return Word(spelled, ids)


def spellings(tok, text: str) -> list[tuple[str, tuple[int, ...]]]:
    """A word with a space before it and as it is, with their ids; only as it is if it has one."""
    ways = [text] if not text or text[0].isspace() else [f" {text}", text]
    encoded = [(way, tuple(tok.encode(way, specials="text").tolist())) for way in ways]
    return [(way, ids) for way, ids in encoded if ids]


def vector(table: np.ndarray, word: Word) -> np.ndarray:
    """(C,) float64: a word's embedding, for several tokens their mean."""
    return table[list(word.ids)].mean(0, dtype=np.float64)


def unit(v: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(v)
    return v / length if length else v


def nearest(tok, table: np.ndarray, v: np.ndarray, n: int, but: Iterable[int]) -> list[Neighbour]:
    """The n rows of the largest cosine with v, without those of `but` and rows of zeros."""
    lengths = np.sqrt(np.einsum("vc,vc->v", table, table))  # no second table
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = table @ unit(v).astype(np.float32) / lengths
    cosine[lengths == 0] = -np.inf
    cosine[list(but)] = -np.inf
    order = np.lexsort((np.arange(len(cosine)), -cosine))[: max(0, n)]
    return [
        Neighbour(int(i), visible(tok.token_bytes(i)), float(cosine[i]))
        for i in order
        if np.isfinite(cosine[i])
    ]
