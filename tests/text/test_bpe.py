"""Training, encoding and decoding equal the reference on any bytes."""

import codecs
import concurrent.futures
import random
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from gptengine.tokenizer import Tokenizer
from reference import bpe
from text.texts import WORDS, byte_texts

CORPUS = [" ".join(random.Random(seed).choices(WORDS, k=300)) for seed in range(4)]


def train(corpus, merges, **options):
    return Tokenizer.train(corpus, vocab_size=256 + merges, special_tokens=[], **options)


def merges_of(tok):
    return [tuple(pair) for pair in tok._vocabulary.merges.tolist()]


@pytest.fixture(scope="module")
def tok():
    return train(CORPUS, 200)


@given(st.lists(byte_texts(), min_size=1, max_size=4).filter(any), st.integers(0, 40))
def test_training_equals_the_reference(corpus, merges):
    assert merges_of(train(corpus, merges, min_frequency=1)) == bpe.train(corpus, merges)


@given(st.text("ab ", min_size=1, max_size=200), st.integers(1, 3))
def test_training_on_few_letters_equals_the_reference(text, min_frequency):
    got = merges_of(train(text, 30, min_frequency=min_frequency))
    assert got == bpe.train([text.encode()], 30, min_frequency)


def test_training_on_a_corpus_equals_the_reference(tok):
    assert len(merges_of(tok)) > 80
    assert merges_of(tok) == bpe.train([t.encode() for t in CORPUS], 200, 2)


def test_training_knows_no_order(tok):
    assert train(CORPUS[::-1], 200).fingerprint == tok.fingerprint


def test_no_two_tokens_are_alike(tok):
    assert len(set(tok._vocabulary.tokens)) == tok.vocab_size


@given(byte_texts())
def test_encoding_equals_the_reference(tok, data):
    ids = tok.encode(data, specials="text")
    assert ids.dtype == np.uint32
    assert ids.tolist() == bpe.encode(data, merges_of(tok))
    assert tok.decode_bytes(ids) == data == bpe.decode(ids.tolist(), merges_of(tok))


@given(st.text("ab", max_size=300))
def test_encoding_one_piece_equals_the_reference(text):
    """Every length of piece around the change of algorithm, and ties at every place."""
    tok = train("aabab abba baab aaab bbab aabb" * 3, 40)
    data = text.encode()
    assert tok.encode(data).tolist() == bpe.encode(data, merges_of(tok))


@pytest.mark.parametrize("length", [1, 14, 15, 16, 17, 63, 64, 65, 66, 1000])
def test_encoding_runs_of_one_letter(tok, length):
    data = b"a" * length
    assert tok.encode(data).tolist() == bpe.encode(data, merges_of(tok))


def test_threads_give_the_same_ids(tok):
    batch = [random.Random(i).choice(CORPUS)[i:] for i in range(64)]
    want = [tok.encode(text, specials="text").tolist() for text in batch]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            got = pool.map(lambda text: tok.encode(text, specials="text").tolist(), batch)
            assert list(got) == want


def test_the_cache_forgets_without_harm():
    """There are more distinct pieces than it has room for, so most are replaced."""
    tok = train("0123456789 " * 9, 20)
    text = "".join(f" {i:x}" for i in range(100_000))
    ids = tok.encode(text)
    assert np.array_equal(ids, tok.encode(text)) and tok.decode(ids) == text
    assert ids[-500:].tolist() == bpe.encode(text.encode(), merges_of(tok))[-500:]


@pytest.mark.parametrize("letters", ["a", "ab", " ", "\n", "!", "é", "漢", "\x00", "7"])
def test_no_input_is_quadratic(tok, letters):
    def seconds(n):
        start = time.process_time()
        tok.encode(letters * n)
        return time.process_time() - start

    assert min(seconds(200_000) for _ in range(2)) < 2


def test_an_endless_word_trains_in_time():
    letters = "".join(random.Random(0).choices("abcdefgh", k=300_000))
    start = time.process_time()
    train(letters, 500)
    assert time.process_time() - start < 10


@given(byte_texts(), st.data())
def test_the_stream_decoder_gives_the_same_text(tok, data, draw):
    ids = tok.encode(data, specials="text").tolist()
    decoder, pieces = tok.stream_decoder(), []
    while ids:
        n = draw.draw(st.integers(1, 3))
        pieces.append(decoder.push(ids[0] if n == 1 else ids[:n]))
        ids = ids[n:]
    pieces.append(decoder.flush())
    assert (
        "".join(pieces)
        == data.decode("utf-8", "replace")
        == tok.decode(tok.encode(data, specials="text"))
    )


@given(st.lists(st.binary(max_size=4), max_size=30))
def test_the_stream_decoder_equals_replace(parts):
    decoder = _core.StreamDecoder()
    text = "".join([decoder.push(part) for part in parts] + [decoder.flush()])
    assert text == b"".join(parts).decode("utf-8", "replace")
    assert decoder.flush() == ""


@given(byte_texts() | st.binary(max_size=8), st.data())
def test_the_stream_decoder_goes_on_from_a_prompt(data, draw):
    tok, k = Tokenizer.bytes(), draw.draw(st.integers(0, len(data)))
    head = codecs.getincrementaldecoder("utf-8")("replace").decode(data[:k])
    decoder = tok.stream_decoder(after=[*data[:k]])
    text = decoder.push([*data[k:]]) + decoder.flush()
    assert head + text == data.decode("utf-8", "replace")


def test_the_stream_decoder_waits_for_whole_characters():
    tok = Tokenizer.bytes()
    decoder = tok.stream_decoder()
    assert [decoder.push(byte) for byte in "é😀".encode()] == ["", "é", "", "", "", "😀"]
    assert decoder.push([0xF0, 0x9F]) == "" and decoder.flush() == "\ufffd"


def test_the_engine_refuses_a_foreign_id(tok):
    with pytest.raises(KeyError, match=r"token id 1000000 at 1 is not in the vocabulary"):
        tok._core.decode_bytes(np.array([0, 10**6], np.uint32))


def test_no_merges_collide():
    """Pairs that fell into one run of slots when their places were known beforehand."""
    base = [bytes([b]) for b in range(256)]
    base += [bytes([a, b]) for a in range(64, 128) for b in range(64)]
    left, right = np.divmod(np.arange(4096 * 4096, dtype=np.uint64), np.uint64(4096))
    key = (left + np.uint64(256) << np.uint64(32)) | (right + np.uint64(256))
    slots = key * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(29) & np.uint64(65535)

    def seconds(chosen):
        pairs = np.stack([left[chosen], right[chosen]], 1)[:20_000].astype(np.uint32) + 256
        tokens = base + [base[a] + base[b] for a, b in pairs.tolist()]
        times = []
        for _ in range(3):
            start = time.process_time()
            _core.Bpe(tokens, pairs, [], "gpt2")
            times.append(time.process_time() - start)
        return min(times)

    assert seconds(slots < 80) < 5 * seconds(np.arange(len(left)) % 800 == 0) + 0.01


def test_a_piece_that_is_a_token_needs_none_for_its_bytes():
    tokens = [bytes([b]) for b in range(256) if b != 0xC3] + ["é".encode(), "éa".encode()]
    core = _core.Bpe(tokens, np.empty((0, 2), np.uint32), [], "gpt2")
    for mode in ("bpe", "greedy"):
        how = (True, [], mode, 0.0, 0, False)
        assert core.encode("é.éa", how).tolist() == [255, 46, 256]
        assert core.truncate("éa", 0, how) == b"" and core.truncate("éa", 1, how) == "éa".encode()
        assert core.truncate("éa.", 1, how) == "éa".encode()
        with pytest.raises(ValueError, match="the byte 195, which stands at character 2 "):
            core.encode("é.éaéa", how)
    with pytest.raises(ValueError, match="the byte 195, which stands at character 0 "):
        core.encode("é", (True, [], "bpe", 0.5, 0, False))  # dropout merges every piece
