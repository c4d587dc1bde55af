"""Ctrl-C ends what takes long, wherever the work is done."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from gptengine import _core
from gptengine.tokenizer import Tokenizer

pytestmark = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals need the main thread"
)
HUGE = b"ab" * 15_000_000  # one piece: ten seconds of merging


@pytest.fixture(scope="module")
def tok():
    return Tokenizer.train("ab" * 3000, vocab_size=264, min_frequency=1)


@pytest.fixture
def threads():
    before = _core.threads()
    yield _core.set_threads
    _core.set_threads(before)


def ends_soon(work):
    """Whether the work hears of Ctrl-C; how far it had come is not to matter."""
    sent = []

    def interrupt():
        time.sleep(1)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        work()
    thread.join()
    return time.monotonic() - sent[0] < 5


@pytest.mark.parametrize("options", [{}, dict(dropout=0.99), dict(mode="bpe")])
def test_encoding_one_text(tok, options):
    assert ends_soon(lambda: tok.encode(HUGE, **options))


def test_counting(tok):
    assert ends_soon(lambda: tok.count(HUGE))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_encoding_a_batch(tok, threads, n):
    """Also where the thread that asked has done its part."""
    threads(n)
    assert ends_soon(lambda: tok.encode_batch([HUGE, *["a b"] * 100_000]))
    assert tok.decode(tok.encode_batch(["ab a", "b"])[0]) == "ab ab"


def test_training(threads):
    """A text of one round, on every thread."""
    threads(2)
    letters = os.urandom(60_000_000).hex()
    assert ends_soon(lambda: Tokenizer.train([letters], vocab_size=300))


def test_making_the_table_of_a_mode():
    tokens = [bytes([b]) for b in range(256)] + [b"a" * size for size in range(2, 4001)]
    core = _core.Bpe(tokens, np.zeros((0, 2), np.uint32), [], "gpt2")
    assert ends_soon(lambda: core.encode(b"a", (True, [], "bpe", 0.0, 0, False)))
