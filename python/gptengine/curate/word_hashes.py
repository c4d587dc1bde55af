"""A text as an array with a 64-bit hash of each word, for models and sets of word n-grams."""

from __future__ import annotations

import functools
import sys

import numpy as np

from .. import _core

TABLE = 0x3000  # code points below are words by their kind; those above are, but for punctuation
WIDE_PUNCTUATION = ((0x3000, 0x3004), (0x3008, 0x3020), (0xFF00, 0xFF10), (0xFF1A, 0xFF21))
# Their lower case is two characters, or depends on those beside.
DOTTED_I, SIGMA = "\u0130", "\u03a3"


@functools.lru_cache(maxsize=1)  # the rules of one document follow each other
def word_hashes(text: str) -> np.ndarray:
    """(words,) uint64, read-only: of runs of letters and digits in lower case, each digit as 0.

    A lone surrogate counts as U+FFFD, which is a letter here.
    """
    if DOTTED_I in text or SIGMA in text:
        text = text.lower()
    hashes = _core.word_hashes(text, _values())
    hashes.flags.writeable = False
    return hashes


def ngram_hashes(words: np.ndarray, n: int) -> np.ndarray:
    """(words - n + 1,) uint64: of each n words in a row; none if there are fewer."""
    return _core.ngram_hashes(words, n)


@functools.cache
def _values() -> np.ndarray:
    """Of each code point: 0 outside words, else what its lower case counts in the hash."""
    values = np.arange(sys.maxunicode + 1, dtype=np.uint32)
    lower = values.copy()
    lower[[ord(DOTTED_I), ord(SIGMA)]] = 0
    text = lower.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass").lower()
    lower = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    for code in range(TABLE):
        character = chr(code)
        if character.isdigit():
            values[code] = ord("0")
        elif not character.isalnum() and not 0x300 <= code < 0x370:  # marks follow their letter
            values[code] = 0
    for first, end in WIDE_PUNCTUATION:
        values[first:end] = 0
    return values[lower]
