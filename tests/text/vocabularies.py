"""Vocabularies that tests of formats write, read and break."""

import dataclasses
import functools

import numpy as np

from gptengine.tokenizer import Tokenizer, splits
from gptengine.tokenizer.vocabulary import Vocabulary
from text.texts import BLANKS, WORDS

EOT, USER = "<|endoftext|>", "<|user|>"
BYTE_LEVEL = [name for name in splits.NAMES if name != "words"]
TEXTS = [
    "",
    "the token's can'T that'ſx we'LL 12345 ½Ⅷ٣ ÉcoleÀ HTTPServer ǅabc",
    "a  b\t c\n\n d\r\n\r\n  e \n \n  f   ",
    "नमस्ते 漢字。😀👨‍👩‍👧 e\u0301 \u00a0x\u3000y\u0085z\u2028 \u200b \ufeff",
    "//\n/x !!\n\n?? __a_b-c aaaaaaaaaa abababab\x00\x1c",
    "    return x  # 漢字\n\n\n\tif y:\r\n",
]


@functools.cache
def corpus():
    rng = np.random.default_rng(0)
    return ["".join(rng.choice(WORDS + BLANKS, 400)) for _ in range(8)] + TEXTS * 3


@functools.cache
def learned():
    """A Vocabulary of 500 tokens, with two special ones."""
    tok = Tokenizer.train(corpus(), vocab_size=500, special_tokens=[EOT, USER])
    return tok._vocabulary


def vocabulary(split="gpt2", **options):
    """The same merges with another split; the pieces of text differ, and so do the ids."""
    return dataclasses.replace(learned(), split=split, **options)


def tokenizer(split="gpt2", **options):
    return Tokenizer(vocabulary(split, **options))


def of_words(text="low low low low lower newest newest newest widest é漢"):
    """A Vocabulary of words that end in </w>: characters, a few merges, <unk>."""
    letters = sorted(set(text) - {" "})
    symbols = [s.encode() for c in letters for s in (c, c + "</w>")]
    at = {s: i for i, s in enumerate(symbols)}
    pairs = [(b"l", b"o"), (b"lo", b"w</w>"), (b"lo", b"w"), (b"e", b"s"), (b"es", b"t</w>")]
    merges = []
    for left, right in pairs:
        merges.append((at[left], at[right]))
        at[left + right] = len(at)
    nothing = Vocabulary(symbols, np.empty((0, 2), np.uint32), {}, "words")
    return nothing.extended(np.array(merges, np.uint32), ["<unk>", EOT])
