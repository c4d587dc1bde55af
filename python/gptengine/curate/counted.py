"""Statistics of a text that several rules ask for, one after the other: counted once."""

from __future__ import annotations

import functools

from .statistics import TextStatistics, text_statistics, word_set


@functools.lru_cache(maxsize=1)  # the rules of one document follow each other
def counted(text: str, words: frozenset[str] = frozenset()) -> TextStatistics:
    """The statistics of a text with the hits of a list of words."""
    return text_statistics(text, _prepared(words))


@functools.lru_cache(maxsize=64)
def _prepared(words: frozenset[str]):
    """Kept beside the rules, not in them: they travel to other processes as plain values."""
    return word_set(sorted(words)) if words else None
