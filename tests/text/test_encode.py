"""Modes, offsets, truncation, threads, files, the cache and forks: each against its definition."""

import os
import random
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from gptengine.tokenizer import Tokenizer
from gptengine.tokenizer.encode_file import encode_file
from reference import bpe, modes
from text.texts import WORDS, byte_texts, texts

EOT = "<|endoftext|>"
CORPUS = [" ".join(random.Random(seed).choices(WORDS, k=300)) for seed in range(4)]
LONG = "".join(
    f"{' '.join(random.Random(i).choices(WORDS, k=9))}\n{EOT if i % 99 == 0 else ''}"
    for i in range(20_000)
)
MODES = ("merges", "bpe", "greedy")


@pytest.fixture(scope="module")
def tok():
    return Tokenizer.train(CORPUS, vocab_size=400)


@pytest.fixture
def threads():
    before = _core.threads()
    yield _core.set_threads
    _core.set_threads(before)


def plain_tokens(tok):
    return [tok.token_bytes(i) for i in range(tok.vocab_size - len(tok.special_tokens))]


@given(byte_texts())
def test_modes_equal_their_references(tok, data):
    tokens = plain_tokens(tok)
    merges = [tuple(pair) for pair in tok._vocabulary.merges.tolist()]
    want = {
        "merges": lambda piece: modes.by_merges(piece, tokens, merges),
        "bpe": lambda piece: modes.by_rank(piece, tokens),
        "greedy": lambda piece: modes.greedy(piece, tokens),
    }
    for mode in MODES:  # one after the other: a cache that mixed them would show
        ids = tok.encode(data, specials="text", mode=mode)
        assert ids.tolist() == [i for piece in bpe.split(data) for i in want[mode](piece)], mode
        assert tok.decode_bytes(ids) == data
        assert tok.count(data, specials="text", mode=mode) == len(ids)


def odd_vocabulary():
    """Tokens that merges do not reach, in an order that is not that of the merges."""
    tokens = [bytes([b]) for b in range(256)] + [b"ab", b"bc", b"abc", b"abcd", b"cd", b"bcd"]
    merges = np.array([[98, 99], [97, 98], [256, 99], [99, 100]], np.uint32)  # bc ab abc cd
    return tokens, merges


@given(st.text("abcd", max_size=80))
def test_modes_of_an_odd_vocabulary(text):
    tokens, merges = odd_vocabulary()
    data, pairs = text.encode(), [tuple(pair) for pair in merges.tolist()]
    for ignore_merges in (False, True):
        core = _core.Bpe(tokens, merges, [], "gpt2", ignore_merges)

        def encode(mode, core=core):
            return core.encode(data, (True, [], mode, 0.0, 0, False)).tolist()

        listed = modes.by_merges(data, tokens, pairs)
        whole = [tokens.index(data)] if ignore_merges and data in tokens else listed
        assert encode("merges") == whole
        assert encode("bpe") == (modes.by_rank(data, tokens) if data else [])
        assert encode("greedy") == modes.greedy(data, tokens)


@pytest.mark.parametrize("n", [1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 512, 513, 65_536])
@pytest.mark.parametrize("mode", MODES)
def test_lengths_of_pieces(tok, n, mode):
    """Each side of every change of algorithm, twice: computed, then remembered."""
    data = bytes(random.Random(n).choices(b"aehnt", k=n))
    tokens = plain_tokens(tok)
    merges = [tuple(pair) for pair in tok._vocabulary.merges.tolist()]
    reference = {
        "merges": lambda piece: modes.by_merges(piece, tokens, merges),
        "bpe": lambda piece: modes.by_rank(piece, tokens),
        "greedy": lambda piece: modes.greedy(piece, tokens),
    }[mode]
    for _ in range(2):
        ids = tok.encode(b"x " + data + b" x", mode=mode)
        assert tok.decode_bytes(ids) == b"x " + data + b" x"
        if n <= 600:
            want = reference(b"x") + reference(b" " + data) + reference(b" x")
            assert ids.tolist() == want
            assert tok.encode(data, mode=mode).tolist() == reference(data)


def test_ten_megabytes_of_one_letter(tok):
    text = b"a" * 10_000_000
    for mode in MODES:
        assert tok.decode_bytes(tok.encode(text, mode=mode)) == text


def test_unknown_modes_are_refused(tok):
    with pytest.raises(ValueError, match="mode fast must be merges, bpe or greedy"):
        tok.encode("a", mode="fast")
    with pytest.raises(ValueError, match="dropout 1.5 must be from 0 to 1"):
        tok.encode("a", dropout=1.5)
    with pytest.raises(ValueError, match="dropout nan must be from 0 to 1"):
        tok.encode("a", dropout=float("nan"))
    with pytest.raises(ValueError, match="greedy joins nothing, so dropout 0.1 must be 0"):
        tok.encode("a", mode="greedy", dropout=0.1)


@pytest.mark.parametrize("specials", ["text", "allow"])
def test_any_number_of_threads_gives_the_same(tok, threads, specials):
    batch = [LONG, "", "a", LONG[: len(LONG) // 3], "b" * 1_000_000, LONG[-700_000:]]
    single = [tok.encode(text, specials=specials) for text in batch]
    for n in range(1, 9):
        threads(n)
        ids, offsets = tok.encode_batch(batch, specials=specials)
        assert np.array_equal(ids, np.concatenate(single))
        assert np.diff(offsets).tolist() == [*map(len, single)]
    threads(2)
    with pytest.raises(ValueError, match="stands at character .* of text 3"):
        tok.encode_batch([LONG.replace(EOT, ""), "", "a", LONG[:900_000]])


def test_a_small_cache_is_wiped_without_harm(tok):
    pieces = random.Random(1).choices([f" {i:x}{'z' * (i % 40)}" for i in range(20_000)], k=60_000)
    text = "".join(pieces)
    want = tok.encode(text)
    tok.cache_bytes = 50_000
    assert np.array_equal(tok.encode(text), want)
    tok.cache_bytes = 64 << 20
    with pytest.raises(ValueError, match="cache_bytes is -1 and must be at least 0"):
        tok.cache_bytes = -1
    with pytest.raises(ValueError, match=f"cache_bytes {2**35 + 1} must be at most {2**35}$"):
        tok.cache_bytes = 2**35 + 1
    tok.cache_bytes = 2**35
    tok.encode("a b")
    tok.cache_bytes = 64 << 20


@pytest.mark.parametrize("forget", [lambda t: setattr(t, "cache_bytes", 0), Tokenizer.clear_cache])
def test_no_cache_comes_back_after_it_was_given_up(forget):
    tok = Tokenizer.train("ab" * 3000, vocab_size=264, min_frequency=1)
    other = threading.Thread(target=tok.count, args=("ab" * 3_000_000,))
    other.start()
    time.sleep(0.2)
    assert other.is_alive()
    forget(tok)
    other.join()
    assert tok._core.idle_caches == 0


def test_counting_needs_no_memory_for_special_tokens():
    code = """if True:
        import resource
        from gptengine.tokenizer import Tokenizer
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        tok, text = Tokenizer.bytes(special_tokens=["<>"]), b"<>" * 8_000_000
        before = peak()
        assert tok.count(text, specials="allow") == 8_000_000
        assert peak() < 1.3 * before, (before, peak())
    """
    subprocess.run([sys.executable, "-c", code], check=True)  # a process that had no peak before


def test_caches_of_many_threads_do_not_stay(threads):
    tok = Tokenizer.train(CORPUS, vocab_size=400)
    threads(3)
    most = max(3, _core.available_threads())
    text = LONG.replace(EOT, "")
    workers = [threading.Thread(target=tok.encode, args=[text]) for _ in range(most + 20)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    tok.encode_batch([text] * 3)
    assert 1 <= tok._core.idle_caches <= most
    tok.clear_cache()
    assert tok._core.idle_caches == 0


@given(byte_texts() | texts())
def test_offsets_in_characters(tok, text):
    """A token's characters are those of which it holds a byte."""
    _, in_bytes = tok.encode_with_offsets(text, specials="text")
    _, in_chars = tok.encode_with_offsets(text, specials="text", unit="chars")
    data = text if isinstance(text, bytes) else text.encode()
    owner = character_of_bytes(data)
    want = [[owner[a], owner[b - 1] + 1] for a, b in in_bytes.tolist()]
    assert in_chars.tolist() == want


def character_of_bytes(data):
    """By byte: the number of the character, or of the part that is none, it belongs to."""
    text, owner = data.decode("utf-8", "replace"), []
    for number in range(len(text)):
        rest = data[len(owner) :]
        n = next(
            n for n in range(1, 5) if rest[n:].decode("utf-8", "replace") == text[number + 1 :]
        )
        owner += [number] * n
    return owner


def test_units_are_named(tok):
    with pytest.raises(ValueError, match="unit='words' must be one of"):
        tok.encode_with_offsets("a", unit="words")


@given(texts(12) | byte_texts(12), st.integers(0, 12), st.sampled_from(MODES))
def test_truncate_gives_the_longest_prefix(tok, text, n, mode):
    options = dict(specials="allow", mode=mode)
    got = tok.truncate(text, n, **options)
    whole = text if isinstance(text, bytes) else text.encode()
    data = got if isinstance(got, bytes) else got.encode()
    cuts = [i for i in range(len(whole) + 1) if i == len(whole) or whole[i] & 0xC0 != 0x80]
    best = max(i for i in cuts if tok.count(whole[:i], **options) <= n)
    assert data == whole[:best]


def test_truncate_long_texts(tok):
    for text in (LONG, "a" * 300_000, "é" * 5000, " " * 5000, "\n \n" * 3000):
        for n in (0, 1, 50, 1000):
            got = tok.truncate(text, n, specials="allow")
            count = tok.count(got, specials="allow")
            assert text.startswith(got) and (n - 3 <= count <= n or got == text)
    assert tok.truncate("some text", 100) == "some text"
    with pytest.raises(ValueError, match="n is -1 and must be at least 0"):
        tok.truncate("a", -1)


def test_segments_keep_control_tokens_out_of_text(tok):
    eot = tok.eos_id
    got = tok.encode_segments([eot, f"say {EOT}", np.int64(eot), b"", "x", 65])
    plain = tok.encode(f"say {EOT}", specials="text").tolist()
    assert got.tolist() == [eot, *plain, eot, *tok.encode("x"), 65] and got.dtype == np.uint32
    assert tok.encode_segments([]).tolist() == []
    for one in ("hi", b"hi"):  # whose letters are no segments, and whose bytes no ids
        with pytest.raises(ValueError, match=f"segments is one {type(one).__name__}, and must be"):
            tok.encode_segments(one)
    with pytest.raises(KeyError, match="token id 1000000 "):
        tok.encode_segments(["a", 10**6])
    with pytest.raises(ValueError, match="text must be str or bytes"):
        tok.encode_segments([1.5])


@pytest.mark.parametrize("specials", ["text", "allow", {EOT}])
@pytest.mark.parametrize("block", [7, 1000, 1 << 24])
def test_a_file_equals_memory(tok, tmp_path, specials, block):
    text = LONG[: 20_000 if block == 7 else 500_000].encode()
    (tmp_path / "text").write_bytes(text)
    n, dtype = encode_file(tok, tmp_path / "text", tmp_path / "ids", specials=specials, block=block)
    want = tok.encode(text, specials=specials)
    got = np.fromfile(tmp_path / "ids", dtype)
    assert dtype == np.uint16 and n == len(want) and np.array_equal(got, want)


def test_a_special_token_of_several_lines_in_a_file(tmp_path):
    tok = Tokenizer.train("a b c", vocab_size=270, special_tokens=["\nEND", "x\nE"])
    text = b"ab\nEND and x\nEND\nE\nEN" * 40
    (tmp_path / "text").write_bytes(text)
    for block in (1, 5, 11, 64):
        encode_file(tok, tmp_path / "text", tmp_path / "ids", specials="allow", block=block)
        got = np.fromfile(tmp_path / "ids", np.uint16)
        assert got.tolist() == tok.encode(text, specials="allow").tolist()


def test_files_that_cannot_be_encoded(tok, tmp_path):
    (tmp_path / "text").write_bytes(b"line\n" * 1000 + EOT.encode())
    with pytest.raises(ValueError, match=r"<\|endoftext\|> stands at byte 5000"):
        tok.encode_file(tmp_path / "text", tmp_path / "ids")
    assert not (tmp_path / "ids").exists()
    with pytest.raises(ValueError, match="none: no such file"):
        tok.encode_file(tmp_path / "none", tmp_path / "ids")
    (tmp_path / "empty").touch()
    assert tok.encode_file(tmp_path / "empty", tmp_path / "a/ids") == (0, np.dtype("<u2"))
    assert (tmp_path / "a/ids").read_bytes() == b""


@given(st.binary(max_size=12), st.sampled_from(["replace", "ignore", "strict"]))
def test_decoding_errors(tok, data, errors):
    ids = tok.encode(data)
    try:
        want = data.decode("utf-8", errors)
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            tok.decode(ids, errors=errors)
    else:
        assert tok.decode(ids, errors=errors) == want


def test_policies_for_errors_are_named(tok):
    with pytest.raises(ValueError, match="errors='skip' must be one of"):
        tok.decode([1], errors="skip")
    with pytest.raises(ValueError, match="errors='ignore' must be one of"):
        tok.encode("a", errors="ignore")
    with pytest.raises(UnicodeEncodeError, match="position 1"):
        tok.encode("a\ud800b", errors="strict")
    assert tok.encode("a\ud800b", errors="replace").tolist() == tok.encode("a\ufffdb").tolist()


@given(st.lists(st.text("<|ab>", min_size=1, max_size=6), min_size=1, max_size=30, unique=True))
def test_many_overlapping_special_tokens(names):
    tok = Tokenizer.bytes(special_tokens=[name for name in names if name not in "<|ab>"] or ["<|"])
    known = tok.special_tokens
    text, want, at = "".join(names) + "a<|b" * 3, [], 0
    while at < len(text):  # the longest of those that start here
        name = max((n for n in known if text.startswith(n, at)), key=len, default=None)
        want.append(known[name] if name else ord(text[at]))
        at += len(name) if name else 1
    assert tok.encode(text, specials="allow").tolist() == want
    assert tok.encode(text, specials="text").tolist() == [*text.encode()]


def test_special_tokens_of_any_bytes():
    names = [f"<|reserved_{i}|>" for i in range(300)] + ["é", "\x00\x00", "[INST]", "the"]
    tok = Tokenizer.bytes(special_tokens=[n for n in names if n != "é"])
    text = "".join(f"{name} x" for name in names)
    ids = tok.encode(text, specials="allow")
    assert tok.decode(ids) == text
    assert (ids >= 256).sum() == len(names) - 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fork_while_others_encode(tok, threads):
    threads(2)
    want = tok.encode_batch([LONG], specials="text")[0]
    stop = threading.Event()

    def work():
        while not stop.is_set():
            tok.encode(LONG[:100_000], specials="text")

    others = [threading.Thread(target=work) for _ in range(3)]
    for other in others:
        other.start()
    try:
        for _ in range(5):
            child = os.fork()
            if child == 0:
                same = np.array_equal(tok.encode_batch([LONG], specials="text")[0], want)
                tok.clear_cache()
                os._exit(0 if same and len(tok.encode("a", mode="greedy")) == 1 else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        for other in others:
            other.join()
