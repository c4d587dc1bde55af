"""A text as an array with a 64-bit hash of each word, for models and sets of word n-grams.

All in NumPy: a prefix sum of character times power gives the hash of any stretch, so that cutting
into words and hashing them costs a few passes over an array of the text's code points.
"""

from __future__ import annotations

import functools

import numpy as np

BASE = 0x9E3779B97F4A7C15  # odd: its powers have inverses modulo 2^64
SPREAD = np.uint64(0xBF58476D1CE4E5B9)  # of splitmix64 (Steele et al. 2014)
CHUNK = 1 << 16  # characters that are hashed at a time: what is made of them stays in the cache
TABLE = 0x3000  # code points below are looked up; those above are letters, but for punctuation
WIDE_PUNCTUATION = ((0x3000, 0x3004), (0x3008, 0x3020), (0xFF00, 0xFF10), (0xFF1A, 0xFF21))


def word_hashes(text: str) -> np.ndarray:
    """(words,) uint64: of runs of letters and digits in lower case, each digit taken for 0."""
    if len(text) <= CHUNK:
        return _hashes(text)
    parts, start = [], 0
    while start < len(text):
        end = min(len(text), start + CHUNK)
        while start + CHUNK // 2 < end < len(text) and not text[end - 1].isspace():
            end -= 1  # no word is cut, unless it is longer than half a chunk
        parts.append(_hashes(text[start:end]))
        start = end
    return np.concatenate(parts)


def ngram_hashes(words: np.ndarray, n: int) -> np.ndarray:
    """(words - n + 1,) uint64: of each n words in a row; none if there are fewer."""
    if len(words) < n:
        return np.empty(0, np.uint64)
    hashes = words[: len(words) - n + 1].copy()
    for i in range(1, n):
        hashes *= np.uint64(BASE)
        hashes += words[i : len(words) - n + 1 + i]
    return _mixed(hashes)


def _hashes(text: str) -> np.ndarray:
    codes = np.frombuffer(text.lower().encode("utf-32-le", "surrogatepass"), np.uint32)
    values = _values()[np.minimum(codes, TABLE)].astype(np.uint64)
    wide = np.flatnonzero(codes >= TABLE)
    if len(wide):
        found = codes[wide]
        values[wide] = found
        for first, end in WIDE_PUNCTUATION:
            values[wide[(found >= first) & (found < end)]] = 0
    inside = np.zeros(len(values) + 2, np.int8)
    inside[1:-1] = values != 0
    edges = np.flatnonzero(np.diff(inside))
    starts, ends = edges[::2], edges[1::2]
    powers, inverses = _powers()
    sums = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values * powers[: len(values)], out=sums[1:])
    return _mixed((sums[ends] - sums[starts]) * inverses[starts])


def _mixed(hashes: np.ndarray) -> np.ndarray:
    hashes = hashes ^ (hashes >> np.uint64(31))
    hashes *= SPREAD
    return hashes ^ (hashes >> np.uint64(29))


@functools.cache
def _values() -> np.ndarray:
    """Of each code point below TABLE: 0 outside words, else what it counts in the hash."""
    values = np.zeros(TABLE + 1, np.uint32)
    for code in range(TABLE):
        character = chr(code)
        if character.isdigit():
            values[code] = ord("0")
        elif character.isalnum() or 0x300 <= code < 0x370:  # marks that follow their letter
            values[code] = code
    return values


@functools.cache
def _powers() -> tuple[np.ndarray, np.ndarray]:
    """BASE^i and BASE^-i modulo 2^64, i <= 3 CHUNK: lower case may be longer."""
    inverse = pow(BASE, -1, 1 << 64)
    tables = []
    for base in (BASE, inverse):
        table = np.full(3 * CHUNK + 1, base, np.uint64)
        table[0] = 1
        tables.append(np.multiply.accumulate(table))
    return tables[0], tables[1]
