"""Other threads of Python run while the engine works on text."""

import threading
import time

import numpy as np
import pytest

from gptengine import _core
from text import pieces

IDS = pieces.tokenizer().encode("low the lower lowest")
WORK = {
    "cut": (pieces.tokenizer(each=True)._core.cut, lambda: (b"a" * (1 << 27), 1)),
    "split_cut": (_core.split_cut, lambda: (b"a" * (1 << 22), 1, "gpt2")),
    "split": (_core.split, lambda: (b"a " * (1 << 23), "gpt2")),
    "decode_bytes": (pieces.tokenizer()._core.decode_bytes, lambda: (np.tile(IDS, 2_000_000),)),
}


@pytest.mark.parametrize("name", WORK)
def test_another_thread_runs_meanwhile(name):
    work, arguments = WORK[name]
    arguments = arguments()
    started, ended, moments = threading.Event(), threading.Event(), []

    def look():
        started.set()
        while not ended.is_set():
            moments.append(time.monotonic())
            time.sleep(0.001)

    other = threading.Thread(target=look)
    other.start()
    started.wait()
    start = time.monotonic()
    work(*arguments)
    end = time.monotonic()
    ended.set()
    other.join()
    middle = (start + (end - start) / 8, end - (end - start) / 8)
    assert sum(middle[0] < moment < middle[1] for moment in moments) > 3
