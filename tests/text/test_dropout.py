"""Dropout against its definition: which joins are left out, by which draws, and at what cost."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from gptengine.tokenizer import Tokenizer
from reference import bpe, modes
from text.texts import WORDS, byte_texts

CORPUS = " ".join(random.Random(0).choices(WORDS, k=1000))
LONG = "\n".join(" ".join(random.Random(i).choices(WORDS, k=9)) for i in range(2000))


@pytest.fixture(scope="module")
def tok():
    return Tokenizer.train([CORPUS, "ab" * 300 + "c"], vocab_size=400)


@pytest.fixture
def threads():
    before = _core.threads()
    yield _core.set_threads
    _core.set_threads(before)


long_pieces = st.lists(st.sampled_from("abc"), min_size=60, max_size=150).map("".join)


@given(
    byte_texts() | long_pieces.map(str.encode),
    st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]),
    st.integers(0, 2**64 - 1),
)
def test_dropout_equals_its_reference(tok, data, dropout, seed):
    tokens = [tok.token_bytes(i) for i in range(tok.vocab_size - len(tok.special_tokens))]
    merges = [tuple(pair) for pair in tok._vocabulary.merges.tolist()]
    want, at = [], 0
    for piece in bpe.split(data):

        def draw(step, at=at):
            high, low, *_ = _core.philox(seed, at, step)
            return ((high << 32 | low) >> 11) / 2**53

        want += modes.with_dropout(piece, tokens, merges, dropout, draw)
        at += len(piece)
    assert tok.encode(data, specials="text", dropout=dropout, seed=seed).tolist() == want


@given(byte_texts(), st.floats(0, 1), st.integers(0, 2**64 - 1))
def test_dropout_is_lossless_and_repeats(tok, data, dropout, seed):
    options = dict(specials="text", dropout=dropout, seed=seed)
    ids = tok.encode(data, **options)
    assert tok.decode_bytes(ids) == data
    assert ids.tolist() == tok.encode(data, **options).tolist()
    if dropout == 0:
        assert ids.tolist() == tok.encode(data, specials="text").tolist()


def test_dropout_leaves_out_the_share_it_names():
    tok = Tokenizer.train("ab ab ab", vocab_size=257, special_tokens=[])
    text = "\n".join(["ab"] * 20_000)
    for dropout in (0.0, 0.1, 0.5, 0.9, 1.0):
        joined = (tok.encode(text, dropout=dropout, seed=3) == 256).sum() / 20_000
        assert abs(joined - (1 - dropout)) < 0.015
    varied = [tok.encode(text, dropout=0.5, seed=seed).tolist() for seed in range(2)]
    assert varied[0] != varied[1]
    assert 256 not in tok.encode(text, dropout=1.0)


def test_dropout_varies_equal_texts_of_a_batch_and_no_threads(tok, threads):
    batch = [LONG[:100_000]] * 8
    options = dict(specials="text", dropout=0.3, seed=5)
    threads(1)
    ids, offsets = tok.encode_batch(batch, **options)
    assert ids[: offsets[1]].tolist() != ids[offsets[1] : offsets[2]].tolist()
    threads(3)
    again, _ = tok.encode_batch(batch, **options)
    assert np.array_equal(ids, again)


@pytest.mark.parametrize("dropout", [0.99, 0.999999])
def test_a_dropout_near_one_is_as_quick_as_any(tok, dropout):
    """Drawing for each possible join, which would be as many steps times joins, takes minutes."""
    text = "ab" * 200_000
    assert tok.decode(tok.encode(text, dropout=dropout)) == text
