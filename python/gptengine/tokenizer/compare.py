"""Two tokenizers side by side: how many tokens they need, where their cuts differ, what they share.

compare(a, b, [text, ...]).differences[0].a  # the tokens of a where they differ most often
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable

import numpy as np

from gptengine.tokenizer.fertility import MOST, Fertility, batches, fertility, token_sizes
from gptengine.tokenizer.inspect import Lookup, Token


@dataclasses.dataclass(frozen=True)
class Overlap:
    """Tokens, special ones apart, that two vocabularies have both or alone."""

    common: int
    same_id: int  # of the common ones
    only_a: int
    only_b: int

    @property
    def share(self) -> float:
        """Of all tokens, those that are common."""
        return self.common / max(1, self.common + self.only_a + self.only_b)


@dataclasses.dataclass(frozen=True)
class Difference:
    """A stretch of text that both cut, with no cut in common: its tokens, and how often it was."""

    text: bytes
    count: int
    a: list[Token]
    b: list[Token]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a text is to two tokenizers.

    same: the share of the text's bytes that lie in tokens with the same borders for both;
    differences: the most frequent first. None and [] where the split of one is "words", whose
    tokens have no place in the text, or puts a space before texts.
    """

    a: Fertility
    b: Fertility
    overlap: Overlap
    same: float | None
    differences: list[Difference]


def compare(
    a,
    b,
    documents: Iterable[str | bytes],
    *,
    names=("a", "b"),
    examples=10,
    most: int | None = MOST,
    specials="refuse",
) -> Comparison:
    """Compare two tokenizers on the first `most` bytes of documents (None: on all).

    specials as for Tokenizer.encode, with the names of each for itself.
    """
    texts = [text for batch in batches(documents, most) for text in batch]
    of_a, of_b = (
        fertility(tok, texts, name=name, most=None, specials=specials)
        for tok, name in zip((a, b), names, strict=True)
    )
    same, differences = None, []
    if all(tok._vocabulary.split != "words" and not tok._core.prefixed for tok in (a, b)):
        same, differences = _differences(a, b, texts, examples, specials)
    return Comparison(of_a, of_b, overlap(a, b), same, differences)


def overlap(a, b) -> Overlap:
    """Which tokens two vocabularies share."""
    ids_a, ids_b = Lookup(a).id_of, Lookup(b).id_of
    common = ids_a.keys() & ids_b.keys()
    same = sum(ids_a[token] == ids_b[token] for token in common)
    return Overlap(len(common), same, len(ids_a) - len(common), len(ids_b) - len(common))


def _differences(a, b, texts, examples, specials):
    counts, first = collections.Counter(), {}
    size = alike = 0
    sizes = token_sizes(a), token_sizes(b)
    for batch in batches(texts, None):
        text = b"".join(batch)
        ids, ends = [], []
        for tok, size_of in zip((a, b), sizes, strict=True):
            ids.append(tok.encode_batch(batch, specials=specials)[0])
            ends.append(np.cumsum(size_of[ids[-1]]))
        common = np.intersect1d(*ends, assume_unique=True)
        begins = np.concatenate([[0], common[:-1]])
        # by stretch between common cuts: the first token of each, and behind the last one
        places = [np.concatenate([[0], np.searchsorted(e, common, "right")]) for e in ends]
        apart = (np.diff(places[0]) > 1) | (np.diff(places[1]) > 1)
        size += len(text)
        alike += int((common - begins)[~apart].sum())
        for i in np.flatnonzero(apart).tolist():
            stretch = text[begins[i] : common[i]]
            counts[stretch] += 1
            if stretch not in first:
                first[stretch] = [x[p[i] : p[i + 1]] for x, p in zip(ids, places, strict=True)]
    lookups = Lookup(a), Lookup(b)
    found = []
    for stretch, count in counts.most_common(examples):
        tokens = [
            [lookup.token(i) for i in x] for lookup, x in zip(lookups, first[stretch], strict=True)
        ]
        found.append(Difference(stretch, count, *tokens))
    return alike / size if size else None, found
