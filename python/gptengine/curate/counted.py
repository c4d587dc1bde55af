"""Statistics of a text that several rules ask for, one after the other: counted once."""

from __future__ import annotations

import functools

from .. import _core
from .statistics import TextStatistics, word_set


def counted(text: str, words: frozenset[str] = frozenset()) -> TextStatistics:
    """The statistics of a text with the hits of a list of words."""
    return TextStatistics(*_looked_at(text).statistics(_prepared(words)))


@functools.lru_cache(maxsize=2)  # the rules of one document follow each other; one reads its head
def _looked_at(text: str) -> _core.CountedText:
    return _core.CountedText(text)


@functools.lru_cache(maxsize=64)
def _prepared(words: frozenset[str]):
    """Kept beside the rules, not in them: they travel to other processes as plain values."""
    return word_set(sorted(words)) if words else None
