"""The ids of tiktoken and of tokenizers on texts made of traps, for one vocabulary in each form."""

import random

import pytest

from gptengine.tokenizer import Tokenizer
from text.texts import BLANKS, ODD, WORDS

TRAPS = [
    *WORDS,
    *BLANKS,
    *ODD,
    "\r",
    "//",
    "ABCdef",
    "İ",
    "K",
    "ª",
    "\U0001d7d8",
    "x" * 70,
    "ab" * 20,
]
GPT2 = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"""
TEXTS = 4000


@pytest.fixture(scope="module")
def tok():
    corpus = [" ".join(random.Random(seed).choices(TRAPS, k=2000)) for seed in range(8)]
    return Tokenizer.train(corpus, vocab_size=700)


def trap_texts():
    rng = random.Random(7)
    for _ in range(TEXTS):
        yield "".join(rng.choices(TRAPS, k=rng.randrange(1, 30)))


def test_ids_of_tiktoken(tok):
    tiktoken = pytest.importorskip("tiktoken")
    specials = tok.special_tokens
    ranks = {tok.token_bytes(i): i for i in range(tok.vocab_size) if i not in specials.values()}
    peer = tiktoken.Encoding("peer", pat_str=GPT2, mergeable_ranks=ranks, special_tokens=specials)
    texts = [*trap_texts()]
    ids, offsets = tok.encode_batch(texts, specials="text", mode="bpe")
    for text, a, b in zip(texts, offsets[:-1], offsets[1:], strict=True):
        assert ids[a:b].tolist() == peer.encode_ordinary(text), text
        both = tok.encode(text, specials="allow", mode="bpe").tolist()
        assert both == peer.encode(text, allowed_special="all")
    for n in (1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 99, 100, 101, 5000):
        assert tok.encode("a" * n, mode="bpe").tolist() == peer.encode_ordinary("a" * n)


def test_ids_of_tokenizers(tok, tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    tok.save(tmp_path)
    peer = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    texts = [*trap_texts()]
    ids, offsets = tok.encode_batch(texts, specials="allow")
    for text, a, b in zip(texts, offsets[:-1], offsets[1:], strict=True):
        assert ids[a:b].tolist() == peer.encode(text, add_special_tokens=False).ids, text
