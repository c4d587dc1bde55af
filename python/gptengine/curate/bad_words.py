"""Drops texts in which obscene words and slurs are dense, not those in which one occurs.

C4 (Raffel et al. 2020) drops a page for a single word of its list; that takes novels, law and
medicine away. Here the words in a thousand decide.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from .counted import counted
from .document import Check, Document
from .presets import FOLDER
from .word_lists import read_list

LANGUAGES = ("en", "de")  # that come with a list
LEAST_WORDS = 50  # a text of fewer is counted as if it had so many: one word in ten is not dense


def load_words(*paths: str | os.PathLike) -> frozenset[str]:
    """The words of some lists; a list may be "en" or "de", those of the package.

    ValueError names an entry that is more than one word.
    """
    words = set()
    for path in paths:
        name = str(path)
        path = FOLDER / f"bad_words_{name}.txt" if name in LANGUAGES else path
        for entry in read_list(path):
            if counted(entry).words != 1:
                raise ValueError(f"{path}: {entry!r} is not one word")
            words.add(entry)
    return frozenset(words)


def default_words() -> dict[str, frozenset[str]]:
    """The package's lists by language; "", for the others, has all of them."""
    lists = {language: load_words(language) for language in LANGUAGES}
    return lists | {"": frozenset().union(*lists.values())}


@dataclass(frozen=True)
class BadWords:
    """At most so many words of the language's list in a thousand.

    Where a language has no list, the one for "" holds, if there is one.
    """

    words: dict[str, frozenset[str]] = field(default_factory=default_words)
    most: float = 5.0  # in 1,000 words
    name: str = "bad_words"

    def checks(self, document: Document) -> Iterator[Check]:
        words = self.words.get(document.language, self.words.get("", frozenset()))
        value = density(document.text, words) if words else 0.0
        yield Check(f"{self.name}.density", value, most=self.most)


def density(text: str, words: frozenset[str]) -> float:
    """How many of 1,000 words of a text are in the list."""
    statistics = counted(text, words)
    return 1000 * statistics.stop_words / max(LEAST_WORDS, statistics.words)
