"""Training equals the reference, whatever the threads, the order of texts and how they come in."""

import itertools
import os
import signal
import threading
import time
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from gptengine.tokenizer import Tokenizer, arguments, splits, training
from reference import bpe
from text.texts import BLANKS, WORDS, byte_texts

RNG = np.random.default_rng(0)
CORPUS = [" ".join(RNG.choice(WORDS, 200)) for _ in range(6)]
RAW = [text.encode() for text in CORPUS]


def train(texts, merges, **options):
    options = dict(special_tokens=[], min_frequency=1) | options
    return Tokenizer.train(texts, vocab_size=256 + merges, **options)


def merges_of(tok):
    return [tuple(pair) for pair in tok._vocabulary.merges.tolist()]


@pytest.fixture(autouse=True)
def threads():
    """Sets the number of threads, and puts it back."""
    before = _core.threads()
    yield _core.set_threads
    _core.set_threads(before)


few_letters = st.lists(st.text("ab c", max_size=60).map(str.encode), min_size=1, max_size=4)
corpora = few_letters | st.lists(byte_texts(), min_size=1, max_size=4)
ties = st.sampled_from(training.TIES)


@given(corpora.filter(any), ties, st.data())
def test_every_option_equals_the_reference(corpus, ties, data):
    weights = data.draw(st.lists(st.integers(1, 5), min_size=len(corpus), max_size=len(corpus)))
    options = dict(ties=ties, weights=weights, min_frequency=data.draw(st.integers(1, 4)))
    options["max_token_length"] = data.draw(st.none() | st.integers(1, 6))
    plain = bpe.train(corpus, 9, **options)
    tokens = [bytes([b]) for b in range(256)]
    for left, right in plain:
        tokens.append(tokens[left] + tokens[right])
    if plain:
        options["forbidden"] = data.draw(st.lists(st.sampled_from(tokens[256:]), max_size=3))
    assert merges_of(train(corpus, 30, **options)) == bpe.train(corpus, 30, **options)


@pytest.mark.parametrize("ties", training.TIES)
def test_a_corpus_equals_the_reference(ties):
    assert merges_of(train(CORPUS, 400, ties=ties)) == bpe.train(RAW, 400, ties=ties)


def test_ties_put_bytes_into_their_order():
    """The space is the character after all printable ones in files, and the smallest as a byte."""
    text = "aa  aa  aa  \x00\x00\x00"
    assert merges_of(train("!! aa", 1, ties="bytes")) == [(ord(" "), ord("a"))]
    assert merges_of(train("!! aa", 1, ties="huggingface")) == [(ord("!"), ord("!"))]
    for rule in training.TIES:
        assert merges_of(train(text, 20, ties=rule)) == bpe.train([text.encode()], 20, ties=rule)


@pytest.mark.parametrize("n", range(1, 9))
def test_threads_and_order_change_nothing(threads, n):
    many = [text for text in CORPUS for _ in range(40)]
    threads(1)
    want = train(many, 300).fingerprint
    threads(n)
    assert train(many[::-1], 300).fingerprint == want


def test_texts_come_in_any_form(tmp_path):
    want = train(CORPUS, 200).fingerprint
    paths = [tmp_path / f"{i}.txt" for i in range(len(RAW))]
    for path, text in zip(paths, RAW, strict=True):
        path.write_bytes(text)
    arrays = [np.frombuffer(text, np.uint8) for text in RAW]
    mixed = [paths[0], RAW[1], CORPUS[2], arrays[3], bytearray(RAW[4]), memoryview(RAW[5])]
    for form in (RAW, paths, arrays, mixed, np.array(CORPUS), iter(CORPUS), (t for t in paths)):
        assert train(form, 200).fingerprint == want
    one = train(CORPUS[0], 50).fingerprint
    for form in (paths[0], arrays[0], np.repeat(arrays[0], 2)[::2], memoryview(RAW[0])):
        assert train(form, 50).fingerprint == one


def test_a_file_read_part_by_part_equals_its_text(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "BATCH", 100)
    path = tmp_path / "text"
    path.write_bytes(b"\n".join(RAW * 30) + b"xy" * 200_000 + b" " + RAW[0])
    special = dict(special_tokens=["the token", "23 1", "x" + "yx" * 60_000])
    for options in ({}, special, dict(memory="1MiB", **special), dict(weights=[3])):
        want = train(path.read_bytes(), 100, **options).fingerprint
        assert train(path, 100, **options).fingerprint == want
        assert train([path, "x"], 100, **(options | dict(weights=None))).vocab_size > 256


def test_the_start_of_a_file_is_a_text(tmp_path, monkeypatch):
    path = tmp_path / "text"
    path.write_bytes(b"".join(RAW))
    want = train(RAW[:2], 50).fingerprint
    start = training.FileStart(path, len(RAW[0]))
    for batch in (training.BATCH, 100):
        monkeypatch.setattr(training, "BATCH", batch)
        assert train([start, RAW[1]], 50).fingerprint == want


def test_a_file_that_is_cut_short_meanwhile_is_refused(tmp_path, monkeypatch):
    """Mapped memory behind the end would end the process."""
    monkeypatch.setattr(training, "BATCH", 100)
    path = tmp_path / "text"
    path.write_bytes(RAW[0] * 2000)
    size = path.stat().st_size
    with pytest.raises(ValueError, match=rf"text had {size} bytes to read and now has 5 in all"):
        train(path, 50, memory="1MiB", progress=lambda *_: os.truncate(path, 5))


@pytest.mark.parametrize("split", splits.NAMES)
def test_a_cut_text_has_the_same_pieces(threads, split):
    """A text of several tasks, special tokens over the places to cut, and every split."""
    threads(3)
    special = "b\n\nx 1"
    parts = [*WORDS, *BLANKS, *" \n", "b\n\nx", special]
    text = "".join(RNG.choice(parts, 200_000)).encode() + b"y" * 9
    pieces = set()
    for part in text.split(special.encode()):
        ends = np.cumsum(_core.split(part, split)).tolist()
        pieces |= {part[a:b] for a, b in zip([0, *ends], ends, strict=False)}
    if split == "words":
        pieces = {piece for piece in pieces if piece.decode().strip("".join(BLANKS[:9]) + " \n")}
    else:
        pieces = {piece for piece in pieces if len(piece) > 1}
    options = dict(vocab_size=600, split=split, special_tokens=[special])
    tok = Tokenizer.train(text, **options)
    assert len(text) > 600_000 and tok.training_report.words == len(pieces)
    threads(1)
    assert Tokenizer.train(text, memory="100MB", **options).fingerprint == tok.fingerprint


def test_weights_count_texts_so_often():
    weights = [3, 1, 2, 1, 1, 5]
    repeated = [text for text, n in zip(CORPUS, weights, strict=True) for _ in range(n)]
    assert (
        train(CORPUS, 200, weights=weights).fingerprint
        == train(CORPUS, 200, weights=np.array(weights)).fingerprint
        == train(repeated, 200).fingerprint
    )


def test_counts_have_64_bits():
    weights = [2**40, 2**40 + 1]
    tok = train(["ab ab", "cd cd"], 2, weights=weights)
    assert [tok.token_bytes(i) for i in (256, 257)] == [b"cd", b"ab"]


def test_limits_hold():
    tok = train(CORPUS, 400, max_token_length=5, forbidden=["token", b"the", " the"])
    tokens = [tok.token_bytes(i) for i in range(tok.vocab_size)]
    assert max(map(len, tokens)) == 5
    assert not {b"token", b"the", b" the"} & set(tokens)


def test_the_report_says_what_was_done():
    report = train(CORPUS, 100).training_report
    assert report.documents == 6 and report.bytes == sum(map(len, RAW)) and report.merges == 100
    pieces = {piece for text in RAW for piece in bpe.split(text) if len(piece) > 1}
    assert report.words == len(pieces)
    assert (report.dropped_words, report.dropped_pieces, report.least_count) == (0, 0, 1)
    assert Tokenizer.bytes().training_report is None


def rare_words(n):
    """Texts of a thousand words of letters, and no word twice."""
    words = [
        "".join(word) for word in itertools.islice(itertools.product("abcdefghij", repeat=6), n)
    ]
    return [" ".join(words[i : i + 1000]) for i in range(0, n, 1000)]


def test_memory_is_kept_and_what_it_costs_is_said(threads):
    texts = [*rare_words(60_000), *["common words " * 500] * 10]
    found = []
    for n in (1, 3):
        threads(n)
        with pytest.warns(UserWarning, match=r"distinct pieces .* memory='1MiB'"):
            tok = train(texts, 20, memory="1MiB")
        report = tok.training_report
        assert report.least_count > 1 and report.dropped_pieces >= report.dropped_words > 50_000
        assert any(tok.token_bytes(i) == b" words" for i in range(tok.vocab_size))
        found.append((tok.fingerprint, report.dropped_words, report.words))
    assert found[0] == found[1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert train(texts, 20, memory="200MiB").training_report.dropped_words == 0


def test_some_rare_words_stay_where_all_are_rare(threads):
    """Those that stay draw lots by themselves: in order or not, on however many threads."""
    texts, found = rare_words(20_000), []
    for n, order in ((1, 1), (3, -1)):
        threads(n)
        with pytest.warns(UserWarning, match="none of which stands there 2 times or more"):
            tok = train(texts[::order], 200, memory="4MiB")
        report = tok.training_report
        assert report.merges == 200 and report.least_count == 2
        assert 2000 < report.words < 15_000
        found.append(tok.fingerprint)
    assert found[0] == found[1]


def test_progress_is_told():
    told = []
    texts = CORPUS * 200
    tok = train(texts, 300, progress=lambda *what: told.append(what))
    assert {phase for phase, _, _ in told} == {"count", "merge"}
    for _, done, total in told:
        assert total is None or 0 <= done <= total
    assert ("count", tok.training_report.bytes, tok.training_report.bytes) in told
    assert told[-1] == ("merge", *[tok.training_report.merges] * 2)
    told.clear()
    train(iter(texts), 300, progress=lambda *what: told.append(what))
    assert all(total in (None, done) for phase, done, total in told if phase == "count")


def test_an_error_in_progress_ends_the_training():
    def progress(*_):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        train(CORPUS, 100, progress=progress)


@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals need the main thread"
)
def test_an_interrupt_ends_the_training():
    """In the phase of merging, which alone takes minutes here."""
    words = RNG.integers(97, 123, (400_000, 12), np.uint8)
    words[:, 0] = 32
    merging = threading.Event()
    done = []

    def progress(phase, *_):
        if phase == "merge":
            merging.set()

    def interrupt():
        merging.wait(60)
        done.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        train(words.reshape(-1), 10**6, progress=progress)
    thread.join()
    assert time.monotonic() - done[0] < 30  # a second on a machine that is not busy


@given(st.text("ab éw\n", max_size=80).filter(str.split), st.integers(1, 3))
def test_words_equal_the_reference(text, min_frequency):
    vocabulary, _ = train_words(text, 1000, min_frequency)
    tokens = [token.decode() for token in vocabulary.tokens]
    got = [(tokens[left], tokens[right]) for left, right in vocabulary.merges.tolist()]
    assert got == bpe.train_words(text, 1000, min_frequency)
    symbols = {tok for tok in tokens if len(tok.replace("</w>", "")) == 1}
    assert len(tokens) == len(symbols) + len(got) + 1 and tokens[-1] == "<unk>"


def train_words(text, vocab_size, min_frequency=1):
    return training.train(
        text,
        vocab_size=vocab_size,
        split="words",
        special_tokens=[],
        min_frequency=min_frequency,
        ties="huggingface",
        max_token_length=None,
        forbidden=(),
        weights=None,
        base=None,
        memory="1GiB",
        progress=None,
    )


def test_low_lower_lowest():
    vocabulary, _ = train_words("low lower lowest", 100)
    tokens = [token.decode() for token in vocabulary.tokens]
    merges = [" ".join(tokens[i] for i in pair) for pair in vocabulary.merges.tolist()]
    assert merges[:3] == ["l o", "w e", "lo we"]
    with pytest.raises(ValueError, match="vocab_size 5 must be at least"):
        train_words("low lower lowest", 5)


@pytest.mark.parametrize(
    "options, says",
    [
        (dict(ties="random"), "ties='random' must be one of"),
        (dict(min_frequency=0), "min_frequency is 0"),
        (dict(min_frequency=1.5), "min_frequency is 1.5 and must be an integer"),
        (dict(max_token_length=0), "max_token_length is 0"),
        (dict(forbidden="the"), "forbidden must be a list"),
        (dict(forbidden=["a"]), "forbidden holds b'a'"),
        (dict(forbidden=[3]), "must be str or bytes, not int"),
        (dict(weights=[1, 2]), "only 1 texts, and more weights"),
        (dict(weights=[]), "only 0 weights"),
        (dict(weights=[0]), "weight is 0"),
        (dict(weights=[True]), "weight is True"),
        (dict(weights=[2**60]), "weights times bytes"),
        (dict(weights=[2**63]), "below 2"),
        (dict(memory="lots"), "memory='lots' must be"),
        (dict(memory="-1GiB"), "must be bytes or like"),
        (dict(memory=1000), "memory is 1000 bytes"),
        (dict(memory=None), "memory is None"),
        (dict(progress=3), "progress must be callable"),
        (dict(vocab_size=2**63), "below 2"),
        (dict(vocab_size="300"), "vocab_size is '300'"),
    ],
)
def test_bad_options_are_refused(options, says):
    with pytest.raises(ValueError, match=says):
        Tokenizer.train("some text", **(dict(vocab_size=300) | options))


@pytest.mark.parametrize("texts", [3, None, [3], [["a"]], [b"a", None], np.zeros((2, 2))])
def test_what_is_no_text_is_refused(texts):
    with pytest.raises(ValueError, match="must be"):
        Tokenizer.train(texts, vocab_size=300)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises((ValueError, OSError), match=str(tmp_path)):
        Tokenizer.train(tmp_path, vocab_size=300)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(ValueError, match="fifo is not a regular file"):
        Tokenizer.train(fifo, vocab_size=300)


@pytest.mark.parametrize("text", [b"\x00" * 9, b"\xff\xfe\xf0\x9f\x91", "\ud800a\ud800a", b"a"])
def test_odd_texts_train(text):
    tok = train(text, 5)
    raw = arguments.utf8(text)
    assert merges_of(tok) == bpe.train([raw], 5)
