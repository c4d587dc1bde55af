"""Drops documents that hold what a model is to be evaluated on: word n-grams of evaluation sets.

After Brown et al. 2020 (GPT-3): a document is contaminated if it shares a run of 13 words with an
evaluation text. A shorter text counts as a whole, from 8 words on; what is shorter still would be
found everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from .document import Check, Document
from .hash_table import HashTable
from .word_hashes import ngram_hashes, word_hashes

WORDS = 13
LEAST_WORDS = 8


@dataclass(frozen=True)
class EvaluationSets:
    """The n-grams of some sets, by n."""

    names: tuple[str, ...]
    hashes: dict[int, HashTable]  # "owner": a number of `names`, the first that has the n-gram
    too_short: dict[str, int]  # texts of each set that are not looked for


def index(
    sets: dict[str, Iterable[str]], words: int = WORDS, least: int = LEAST_WORDS
) -> EvaluationSets:
    """Index the texts of named sets: runs of `words` words, of shorter texts all of it."""
    if not 1 <= least <= words:
        raise ValueError(f"decontaminate: least {least} is not between 1 and words {words}")
    found: dict[int, list[tuple[np.ndarray, int]]] = {}
    too_short = dict.fromkeys(sets, 0)
    for owner, (name, texts) in enumerate(sets.items()):
        for text in texts:
            hashes = word_hashes(text)
            n = min(words, len(hashes))
            if n < least:
                too_short[name] += 1
            else:
                found.setdefault(n, []).append((ngram_hashes(hashes, n), owner))
    all_hashes = {}
    for n, parts in sorted(found.items()):
        joined = np.concatenate([hashes for hashes, _ in parts])
        of = np.concatenate([np.full(len(hashes), owner, np.int64) for hashes, owner in parts])
        keys, first = np.unique(joined, return_index=True)  # the first: sets are in order
        all_hashes[n] = HashTable.of(keys, {"owner": of[first]})
    return EvaluationSets(tuple(sets), all_hashes, too_short)


@dataclass(frozen=True)
class Decontaminate:
    """At most so many runs of words that an evaluation set has, and at most so large a share.

    share: of the document's words, those in such runs.
    """

    sets: EvaluationSets
    most: int = 0
    most_share: float = 1.0
    name: str = "decontaminate"

    def checks(self, document: Document) -> Iterator[Check]:
        count, share, owner = overlap(document.text, self.sets)
        yield Check(f"{self.name}.overlap", count, most=self.most, note=owner)
        yield Check(f"{self.name}.share", share, most=self.most_share, note=owner)


def overlap(text: str, sets: EvaluationSets) -> tuple[int, float, str]:
    """How many runs of words the sets have, their share of the words, and the set with most."""
    words = word_hashes(text)
    count = 0
    inside = np.zeros(len(words) + 1, np.int64)  # +1 where a run begins, -1 after it ends
    owned = np.zeros(len(sets.names), np.int64)
    for n, known in sets.hashes.items():
        place = known.find(ngram_hashes(words, n))
        hits = np.flatnonzero(place < len(known.slots) - 1)
        if len(hits):
            count += len(hits)
            np.add.at(inside, hits, 1)
            np.add.at(inside, hits + n, -1)
            owned += np.bincount(known.slots["owner"][place[hits]], minlength=len(owned))
    if not count:
        return 0, 0.0, ""
    share = int(np.count_nonzero(np.cumsum(inside))) / len(words)
    return count, share, sets.names[int(owned.argmax())]
