"""No names and no tokens make anything take longer than in proportion to their bytes."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from gptengine.tokenizer import Tokenizer
from gptengine.tokenizer.encode_file import encode_file
from reference import modes

LETTERS = "a" * 1_000_000
NAMES = [["a" * 10_000 + "b"], ["a" * 10_000 + "b", "aa"], ["aaa", "aaa" * 3000 + "b"]]


@pytest.mark.parametrize("names", NAMES)
def test_names_that_a_text_only_begins(names):
    tok, start = Tokenizer.bytes(special_tokens=names), time.monotonic()
    ids = tok.encode(LETTERS, specials="allow")
    assert tok.count(LETTERS, specials="allow") == len(ids)
    step = min(map(len, names))
    whole = step < 10  # a name that the text is made of
    assert len(ids) == (-(-len(LETTERS) // step) if whole else len(LETTERS))
    Tokenizer.train([LETTERS], vocab_size=260 + len(names), special_tokens=names)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("names", [[" a" * 5000], [" a" * 5000, " a b"]])
def test_training_looks_for_a_place_to_cut_between_names(names):
    start = time.monotonic()
    Tokenizer.train([" a" * 400_000 + " a b" * 200_000], vocab_size=260, special_tokens=names)
    assert time.monotonic() - start < 10


def test_names_in_a_file(tmp_path):
    tok, text = Tokenizer.bytes(special_tokens=["aa", "aa " * 10_000 + "b"]), "aa " * 300_000
    (tmp_path / "text").write_text(text)
    start = time.monotonic()
    n, _ = encode_file(tok, tmp_path / "text", tmp_path / "ids", specials="allow", block=1 << 16)
    assert n == 600_000 and time.monotonic() - start < 10


@given(st.sets(st.integers(2, 300), min_size=1, max_size=8), st.integers(1, 9000), st.booleans())
def test_long_names_are_found(sizes, repeat, both):
    names = ["a" * size + "b" for size in sizes] + (["aa"] if both else [])
    tok = Tokenizer.bytes(special_tokens=names)
    text, want, at = "a" * repeat + "b" + "a" * min(sizes) + "b", [], 0
    known = sorted(tok.special_tokens.items(), key=lambda item: -len(item[0]))
    while at < len(text):
        name, i = next((k for k in known if text.startswith(k[0], at)), (text[at], ord(text[at])))
        want.append(i)
        at += len(name)
    assert tok.encode(text, specials="allow").tolist() == want


@given(st.integers(0, 300), st.integers(0, 3))
def test_long_tokens_are_joined_by_rank(letters, others):
    tokens = [bytes([b]) for b in range(256)]
    tokens += [b"a" * size for size in range(2, 200)] + [b"a" * 90 + b"b", b"ab", b"b" * 2]
    core = _core.Bpe(tokens, np.zeros((0, 2), np.uint32), [], "gpt2")
    piece = b"a" * letters + b"b" * others
    ids = core.encode(piece, (True, [], "bpe", 0.0, 0, False))
    assert ids.tolist() == (modes.by_rank(piece, tokens) if piece else [])


@given(st.integers(0, 1 << 32), st.integers(65, 400), st.sampled_from(["bpe", "merges"]))
def test_ranks_in_any_order_are_joined_by_rank(seed, letters, mode):
    """A join may make a pair whose turn was long before."""
    rng = np.random.default_rng(seed)
    tokens = [bytes(rng.choice([97, 98], rng.integers(2, 7)).tolist()) for _ in range(40)]
    tokens = [bytes([b]) for b in range(256)] + [*dict.fromkeys(tokens)]
    ids = {token: i for i, token in enumerate(tokens)}
    cuts = [(t[:k], t[k:]) for t in tokens for k in range(1, len(t))]
    pairs = np.array([(ids[a], ids[b]) for a, b in cuts if a in ids and b in ids], np.uint32)
    merges = rng.permutation(pairs).reshape(-1, 2)
    core = _core.Bpe(tokens, merges, [], "gpt2")
    piece = bytes(rng.choice([97, 98], letters).tolist())
    found = core.encode(piece, (True, [], mode, 0.0, 0, False)).tolist()
    if mode == "bpe":
        assert found == modes.by_rank(piece, tokens)
    else:
        assert found == modes.by_merges(piece, tokens, [*map(tuple, merges.tolist())])
