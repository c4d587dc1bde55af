"""Perplexity by a small word trigram model of the curated texts: what it finds odd is no prose.

Interpolated Kneser-Ney smoothing (Kneser and Ney 1995; Chen and Goodman 1998) over hashed words,
with one discount an order. Counts are sums and arrays are sorted, so a model does not depend on the
order of its texts. Windows that are held out of the counts say which perplexity is usual.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
import os
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gptengine.files import atomic_write

from .. import _core
from .document import Check, Document
from .hash_table import HashTable
from .word_hashes import ngram_hashes, word_hashes

MOST_WORDS = 20_000_000  # that a model is made of; 12 bytes a distinct n-gram
WINDOW = 400  # words that a usual perplexity is measured on
HELD_OUT = 10  # of so many windows one is not counted
QUANTILES = 1001
LEAST_WORDS = 20  # of a document; what is shorter has no perplexity to speak of
FORMAT = 1


class Readings(NamedTuple):
    """What a model says of a text's words."""

    perplexity: float  # exp of minus the mean log-probability of the words that it knows
    unknown: float  # the share of those that it does not know
    gain: float  # by how much the words before make a known word more likely: mean of logarithms


@dataclass(frozen=True, eq=False)
class NgramModel:
    """p(w | u v) = seen(u v w) + rest(u v) * (seen(v w) + rest(v) * (seen(w) + unseen)).

    Each table has "seen", the discounted share of an n-gram, and "rest", what is left after it
    (0 after a triple), as float32; the last slots have those of what the model does not know.
    """

    tables: tuple[HashTable, HashTable, HashTable]  # of words, pairs, triples
    unseen: float  # of any word
    usual: np.ndarray  # (QUANTILES,) float64: perplexities of windows held out, ascending
    words: int  # that were counted

    def read(self, text: str) -> Readings:
        """Perplexity and gain of a text without a known word are inf and 0."""
        return self.read_words(word_hashes(text))

    def read_words(self, words: np.ndarray) -> Readings:
        """The same of words as `word_hashes` gives them."""
        tables = [table.plain() for table in self.tables]
        p, alone = _core.word_probabilities(tables, self.unseen, words)
        if not len(p):
            return Readings(math.inf, 1.0, 0.0)
        logs = np.log(p)
        gain = np.mean(logs - np.log(alone))
        return Readings(float(np.exp(-logs.mean())), 1 - len(p) / len(words), float(gain))

    def quantile(self, share: float) -> float:
        """The perplexity that so large a share of curated windows does not exceed."""
        return float(np.interp(share, np.linspace(0, 1, QUANTILES), self.usual))

    def save(self, path: str | os.PathLike) -> None:
        """Write the model, an .npz of plain arrays; equal models have equal bytes."""
        atomic_write(path, lambda file: np.savez(file, **self._arrays()))

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {"format": np.int64(FORMAT), "words": np.int64(self.words)}
        arrays |= {"unseen": np.float64(self.unseen), "usual": self.usual}
        for n, table in enumerate(self.tables, 1):
            full = table.full()
            arrays |= {f"keys_{n}": full["key"], f"seen_{n}": full["seen"]}
            if n < len(self.tables):
                arrays[f"rest_{n}"] = full["rest"]
        return arrays


def load(path: str | os.PathLike) -> NgramModel:
    """Read a model that `save` wrote; ValueError names a file that is none or of another format."""
    with open(path, "rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError(f"{path}: not an n-gram model")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        version = int(arrays["format"])
        model = NgramModel(
            tuple(
                _table(arrays[f"keys_{n}"], arrays[f"seen_{n}"], arrays.get(f"rest_{n}"))
                for n in (1, 2, 3)
            ),
            float(arrays["unseen"]),
            arrays["usual"],
            int(arrays["words"]),
        )
    except (KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not an n-gram model: {error}") from None
    if version != FORMAT:
        raise ValueError(f"{path}: an n-gram model of format {version}, not {FORMAT}")
    return model


def train(texts: Iterable[str], most_words: int = MOST_WORDS) -> NgramModel:
    """A model of the texts' words; of more than `most_words`, of texts chosen by their hash.

    ValueError if there are fewer words than two windows have.
    """
    counted, held_out = [], []
    for key, words in sorted(_chosen(texts, most_words)):
        windows = max(1, round(len(words) / WINDOW))
        for i, window in enumerate(np.array_split(words, windows)):
            out = (key[0] + i) % HELD_OUT == 0
            (held_out if out else counted).append(window)
    total = sum(map(len, counted))
    if total < 2 * WINDOW:
        raise ValueError(f"n-gram model: {total} words in the texts, at least {2 * WINDOW} needed")
    model = _estimate(counted, total)
    usual = [model.read_words(window).perplexity for window in held_out or counted]
    quantiles = np.quantile(usual, np.linspace(0, 1, QUANTILES))
    return dataclasses.replace(model, usual=quantiles)


def _chosen(texts: Iterable[str], most_words: int) -> list[tuple[bytes, np.ndarray]]:
    """The words of texts whose hash is small: so small that all of them are few enough.

    Which these are does not depend on the order: the bound is halved only if all that lies below it
    is too much.
    """
    kept: dict[bytes, np.ndarray] = {}
    bound, total = 1 << 64, 0
    for text in texts:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if int.from_bytes(digest[8:], "big") >= bound or digest in kept:
            continue
        words = word_hashes(text)
        kept[digest] = words
        total += len(words)
        while total > most_words and len(kept) > 1:
            bound //= 2
            kept = {d: w for d, w in kept.items() if int.from_bytes(d[8:], "big") < bound}
            total = sum(map(len, kept.values()))
    return list(kept.items())


def _estimate(windows: list[np.ndarray], total: int) -> NgramModel:
    """The arrays of a model; its usual perplexities are still to be measured.

    Of triples the occurrences are counted, of pairs and words how many different words stand
    before them: a word that is frequent after one word alone is no likely guess after others.
    """
    long = [w for w in windows if len(w) > 2]
    word = [np.concatenate([w[i : len(w) - 2 + i] for w in long]) for i in range(3)]
    pairs = [_joined(word[0], word[1]), _joined(word[1], word[2])]
    triples = np.concatenate([ngram_hashes(w, 3) for w in long])
    keys3, first, counts3 = np.unique(triples, return_index=True, return_counts=True)
    before3, after3 = pairs[0][first], pairs[1][first]
    middle, last = word[1][first], word[2][first]
    kinds2, first, counts2 = np.unique(after3, return_index=True, return_counts=True)
    before2, after2 = middle[first], last[first]
    kinds1, counts1 = np.unique(after2, return_counts=True)

    keys2, keys1 = np.union1d(kinds2, before3), np.union1d(kinds1, before2)
    share3, rest2 = _discounted(counts3, before3, keys2)
    share2, rest1 = _discounted(counts2, before2, keys1)
    discount = _discount(counts1)
    share1 = (counts1 - discount) / counts1.sum()
    unseen = discount * len(kinds1) / counts1.sum() / (len(keys1) + 1)  # + 1: any unknown word
    return NgramModel(
        (
            _table(keys1, _placed(share1, kinds1, keys1), rest1),
            _table(keys2, _placed(share2, kinds2, keys2), rest2),
            _table(keys3, share3, None),
        ),
        float(unseen),
        np.zeros(QUANTILES),
        total,
    )


def _table(keys: np.ndarray, seen: np.ndarray, rest: np.ndarray | None) -> HashTable:
    rest = np.zeros(len(keys)) if rest is None else rest
    return HashTable.of(keys, {"seen": np.float32(seen), "rest": np.float32(rest)}, (0, 1))


def _placed(shares: np.ndarray, kinds: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The shares of some keys as an array of all; 0 of those that only stand before others."""
    placed = np.zeros(len(keys), np.float32)
    placed[np.searchsorted(keys, kinds)] = shares
    return placed


def _joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The hashes of pairs whose words stand in two arrays."""
    joined = ngram_hashes(np.stack([first, second], axis=1).ravel(), 2)
    return joined[::2]


def _discounted(counts, contexts, keys):
    """The discounted share of each n-gram after its context, and by key what a context leaves.

    A key that is no context leaves everything.
    """
    discount = _discount(counts)
    known, where = np.unique(contexts, return_inverse=True)
    sums = np.bincount(where, counts)
    rest = np.ones(len(keys))
    rest[np.searchsorted(keys, known)] = discount * np.bincount(where) / sums
    return (counts - discount) / sums[where], rest


def _discount(counts: np.ndarray) -> float:
    """Of Ney, Essen and Kneser 1994: from how many n-grams occur once and twice."""
    once, twice = np.count_nonzero(counts == 1), np.count_nonzero(counts == 2)
    return once / (once + 2 * twice) if once and twice else 0.5


@dataclass(frozen=True)
class Perplexity:
    """Holds a document against its language's model; without one it passes, and so if it is short.

    lower, upper: shares of the curated windows; the perplexity is at most `slack` times what the
    share `upper` does not exceed, at least what the share `lower` does not, over `slack`. Words in
    an order of no language gain nothing by those before: `least_gain` tells them from a text about
    something else than the curated ones, which perplexity alone does not.
    """

    models: dict[str, NgramModel] = field(default_factory=dict)
    lower: float = 0.001
    upper: float = 0.99
    slack: float = 6.0
    most_unknown: float = 0.6
    least_gain: float = 0.0
    name: str = "perplexity"

    def __post_init__(self):
        if not 0 <= self.lower < self.upper <= 1:
            raise ValueError(f"perplexity: lower {self.lower} and upper {self.upper} of 0 to 1")
        if self.slack < 1:
            raise ValueError(f"perplexity: slack {self.slack} must be at least 1")

    @functools.cached_property
    def limits(self) -> dict[str, tuple[float, float]]:
        """The least and the most perplexity of a text, by language."""
        return {
            language: (
                model.quantile(self.lower) / self.slack,
                model.quantile(self.upper) * self.slack,
            )
            for language, model in self.models.items()
        }

    def checks(self, document: Document) -> Iterator[Check]:
        model = self.models.get(document.language)
        words = word_hashes(document.text) if model else ()
        if len(words) < LEAST_WORDS:
            return
        perplexity, unknown, gain = model.read_words(words)
        least, most = self.limits[document.language]
        yield Check(f"{self.name}.unknown_words", unknown, most=self.most_unknown)
        yield Check(f"{self.name}.too_regular", perplexity, least=least)
        yield Check(f"{self.name}.too_odd", perplexity, most=most)
        yield Check(f"{self.name}.context_gain", gain, least=self.least_gain)
