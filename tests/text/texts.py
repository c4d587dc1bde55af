"""Texts that find mistakes in tokenizers."""

import unicodedata

import numpy as np
from hypothesis import strategies as st

from gptengine import _core
from reference import split

# By code point: whether the running Python, whose Unicode may be older or newer, agrees with ours.
KINDS = {kind: i for i, kind in enumerate("OUlLMNS")}
CLASSES = _core.char_classes().tolist()
AGREED = [CLASSES[c] == KINDS[split.kind(chr(c))] for c in range(0x110000)]

# Words that merges can be learned from, and both sides of every boundary that the split has.
WORDS = [
    "the",
    "then",
    "token",
    "ization",
    "can't",
    "'s",
    "'S",
    "'ll",
    "'",
    "’s",
    "that'ſx",
    "é",
    "ß",
    "ǅ",
]
WORDS += ["FooBAR", "'LL", "'rE", "'ſ", "ªA", "漢A", "A漢", "/", "//", "/\n/", "1234567", "❤️"]
WORDS += [
    "नमस्ते",
    "漢字",
    "。",
    "😀",
    "👨‍👩‍👧",
    "\u0301",
    "1",
    "23",
    "½",
    "Ⅷ",
    "٣",
    "-",
    "!!",
    "_",
    "aaaaaaa",
    "abab",
]
BLANKS = [
    " ",
    "  ",
    "\n",
    "\r\n",
    "\t",
    "\u00a0",
    "\u3000",
    "\u0085",
    "\u2028",
    "\u200b",
    "\ufeff",
    "\u180e",
]
ODD = ["\x00", "\x1c", "<|endoftext|>", "<|", "|>"]
INVALID = [
    b"\x80",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf5",
    b"\xf0\x9f\x91",
    b"\xe2\x82",
    b"\xff\xfe",
]

ALONE = [*"aAsSdDmMtTlLvVeErR'ſ19½²/-!.\r\n\t _漢ªǅßйЖKİ\u0301\U0001d7d8", *BLANKS, *ODD]
RUNS = ["x" * 70, "ab" * 20, " " * 70, "ABCdef"]


def traps(name, count):
    """So many random strings of all of these and of any characters; others for each name."""
    rng = np.random.default_rng([*name.encode()])
    assigned = [c for c in map(chr, range(0x110000)) if unicodedata.category(c) not in ("Cn", "Cs")]
    some = [c for c in rng.choice(assigned, 2000) if AGREED[ord(c)]]
    parts = np.array([*WORDS * 3, *ALONE * 6, *BLANKS * 6, *RUNS * 3, *some], dtype=object)
    for length in rng.integers(1, 16, count):
        yield "".join(rng.choice(parts, length))


def texts(max_size=40):
    """Strings of words and blanks that repeat, and of any characters."""
    character = st.characters(exclude_categories=["Cs"]).filter(lambda c: AGREED[ord(c)])
    part = st.sampled_from([*WORDS, *BLANKS, *ODD]) | character
    return st.lists(part, max_size=max_size).map("".join)


def byte_texts(max_size=40):
    """Bytes: text with invalid UTF-8 in it, and random bytes."""
    part = texts(8).map(str.encode) | st.sampled_from(INVALID) | st.binary(max_size=8)
    return st.lists(part, max_size=max_size // 4).map(b"".join).filter(_agreed)


def _agreed(data):
    return all(AGREED[ord(c)] for c in data.decode("utf-8", "ignore"))
