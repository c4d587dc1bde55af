"""What every split promises, on any bytes: nothing is lost; how a text is given changes no id."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gptengine import _core
from gptengine.tokenizer.encode_file import encode_file
from text.texts import byte_texts
from text.vocabularies import BYTE_LEVEL, tokenizer

ITEM = 1 << 16  # bytes of a text that a thread takes at a time
any_bytes = byte_texts() | st.binary(max_size=80)


@pytest.fixture(scope="module", params=BYTE_LEVEL)
def tok(request):
    return tokenizer(request.param)


def encode(tok, data):
    return tok.encode(data, specials="text").tolist()


def rarely(test):
    """With a fifth of the examples: they are large."""
    return settings(max_examples=max(1, settings().max_examples // 5))(test)


@given(any_bytes)
def test_what_was_encoded_comes_back(tok, data):
    ids = tok.encode(data, specials="text")
    assert tok.decode_bytes(ids) == data
    assert tok.decode(ids) == data.decode("utf-8", "replace")
    assert tok.count(data, specials="text") == len(ids)


@given(any_bytes)
def test_offsets_tile_the_text(tok, data):
    ids, spans = tok.encode_with_offsets(data, specials="text")
    assert spans.shape == (len(ids), 2) and spans.dtype == np.int64
    assert ids.tolist() == encode(tok, data)
    assert [data[a:b] for a, b in spans] == [tok.token_bytes(int(i)) for i in ids]
    assert [0, *spans[:, 1].tolist()] == [*spans[:, 0].tolist(), len(data)]


@given(st.lists(any_bytes, max_size=8))
def test_a_batch_equals_its_texts(tok, batch):
    ids, offsets = tok.encode_batch(batch, specials="text")
    assert ids.dtype == np.uint32 and offsets.dtype == np.int64 and offsets[0] == 0
    cut = [ids[a:b].tolist() for a, b in zip(offsets, offsets[1:], strict=False)]
    assert cut == [encode(tok, data) for data in batch]


@given(st.lists(any_bytes, max_size=8))
def test_the_cache_changes_nothing(tok, batch):
    want, before = tok.encode_batch(batch, specials="text")[0].tolist(), tok.cache_bytes
    try:
        for size in (0, 1, 5000, 100_000, before):
            tok.cache_bytes = size
            assert tok.encode_batch(batch, specials="text")[0].tolist() == want
    finally:
        tok.cache_bytes = before
    tok.clear_cache()
    assert tok.encode_batch(batch, specials="text")[0].tolist() == want


@rarely
@given(any_bytes.filter(len), st.lists(any_bytes, max_size=3))
def test_any_number_of_threads_gives_the_same(tok, unit, others):
    """A text that several threads share, between small ones."""
    batch, before = [*others, unit * (2 * ITEM // len(unit) + 9), *others], _core.threads()
    want = np.concatenate([tok.encode(data, specials="text") for data in batch])
    try:
        for n in range(1, 9):
            _core.set_threads(n)
            assert np.array_equal(tok.encode_batch(batch, specials="text")[0], want)
    finally:
        _core.set_threads(before)


@given(any_bytes, st.integers(1, 40))
def test_a_file_equals_memory(tok, tmp_path_factory, data, block):
    folder = tmp_path_factory.getbasetemp()
    (folder / "text").write_bytes(data)
    n, dtype = encode_file(tok, folder / "text", folder / "ids", specials="text", block=block)
    ids = np.fromfile(folder / "ids", dtype)
    assert n == len(ids) and ids.tolist() == encode(tok, data)
