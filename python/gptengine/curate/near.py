"""Near-duplicates: MinHash signatures, and the groups of texts whose signatures agree.

A signature is a few hundred bytes, whatever the text. Texts that share one of its bands are
compared, place by place, and the share of places that agree estimates the Jaccard similarity of
their sets of word 5-grams. What is compared is found by sorting, in as much memory as is given.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .. import _core


@dataclass(frozen=True)
class NearOptions:
    """How alike two texts have to be, and how hard they are looked for."""

    # From this estimated similarity on two texts are copies.
    jaccard: float = 0.8
    # Of a signature; more bands find more of the less similar texts.
    bands: int = 14
    # Places of a band, all of which have to agree; more rows compare fewer texts.
    rows: int = 8
    # Words that are hashed together.
    shingle: int = 5
    # Of the permutations; signatures of different seeds cannot be compared.
    seed: int = 1

    def __post_init__(self):
        if not 0 <= self.jaccard <= 1:
            raise ValueError(f"near-duplicates: jaccard {self.jaccard} must be from 0 to 1")
        for name in ("bands", "rows", "shingle"):
            if getattr(self, name) < 1:
                raise ValueError(f"near-duplicates: {name} {getattr(self, name)} must be 1 or more")

    @property
    def places(self) -> int:
        return self.bands * self.rows


class NearGroups(NamedTuple):
    """What belongs together."""

    keeper: np.ndarray  # (N,) int64: of each text the first of its group, itself if alone
    pairs: np.ndarray  # (M, 2) int64: texts that agreed, the better ranked first; they tie groups
    jaccard: np.ndarray  # (M,) float64: the estimate for each
    candidates: int  # pairs of signatures that were compared
    crowded: int  # texts not compared with all of a bucket, since it had 64 others unlike them

    def sizes(self) -> np.ndarray:
        """How many texts each group of two or more has, (G,), the largest first."""
        counts = np.unique(self.keeper, return_counts=True)[1]
        return -np.sort(-counts[counts > 1])


def signatures(texts: Iterable[str | bytes], options: NearOptions | None = None) -> np.ndarray:
    """Sign texts, on all threads: (N, options.places) uint32.

    Texts that differ in case, punctuation, white space, or numbers among words are signed alike;
    a text without words is all 2**32 - 1 and like no other.
    """
    options = options or NearOptions()
    signer = _core.MinHash(options.places, options.shingle, options.seed)
    return signer.signatures(list(texts))


def near_groups(
    signatures: np.ndarray,
    order: np.ndarray | None = None,
    options: NearOptions | None = None,
    *,
    memory_bytes: int = 1 << 28,
    folder: str | None = None,
) -> NearGroups:
    """Group N texts by their signatures (N, options.places), which may be memory-mapped.

    order: the texts from the one that is kept first to the last, (N,); by default as they come. If
    it is decided by what the texts are, so is the outcome. Memory is memory_bytes, and about 25
    bytes a text; what is sorted beyond goes to a nameless file in `folder`, 16 bytes a text and
    band.
    """
    options = options or NearOptions()
    if signatures.dtype != np.uint32:
        raise ValueError(f"near_groups: signatures are {signatures.dtype}, not uint32")
    ranks = np.arange(len(signatures)) if order is None else order
    found = _core.near_groups(
        signatures,
        np.ascontiguousarray(ranks, np.int64),
        options.bands,
        options.rows,
        options.jaccard,
        memory_bytes,
        folder or tempfile.gettempdir(),
    )
    return NearGroups(*found)
