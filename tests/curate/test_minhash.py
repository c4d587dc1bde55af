"""MinHash signatures against their formula, and what they must not see."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from gptengine.curate.near import NearOptions, signatures
from reference import curation
from text.texts import AGREED, byte_texts

TEXT = "Der Weg führt über die BRÜCKE, 24 m weiter zur Straße; don’t stop! " * 3


@given(byte_texts(80), st.integers(1, 6), st.integers(0, 2**64 - 1))
def test_equal_the_formula(data, width, seed):
    if not all(AGREED[ord(c)] for c in data.decode("utf-8", "ignore")):
        return
    options = NearOptions(bands=5, rows=4, shingle=width, seed=seed)
    text = data.decode("utf-8", "replace")
    got = signatures([data, text], options)
    assert got.dtype == np.uint32 and got.shape == (2, 20)
    assert np.array_equal(got[0], curation.signature(data, 20, width, seed))
    assert np.array_equal(got[1], curation.signature(text.encode(), 20, width, seed))


def test_more_shingles_than_a_batch_and_many_permutations():
    text = " ".join(f"w{i * i % 1009}x" for i in range(3000)).encode()
    for bands, rows in ((14, 8), (1, 1), (3, 11)):
        options = NearOptions(bands=bands, rows=rows)
        want = curation.signature(text, bands * rows, 5, 1)
        assert np.array_equal(signatures([text], options)[0], want)


@pytest.mark.parametrize(
    "other",
    [
        TEXT.upper().replace("STRASSE", "STRAßE"),
        TEXT.lower(),
        TEXT.replace(" ", "\n\t "),
        TEXT.replace(",", " –").replace("!", "?"),
        TEXT.replace("24", "7"),
        TEXT.replace("’", "'"),
    ],
)
def test_case_punctuation_spaces_and_numbers_do_not_count(other):
    one, two = signatures([TEXT, other])
    assert np.array_equal(one, two)


def test_numbers_of_tables_count():
    table = "".join(f"| {i} | {i * 37 % 1000} | {i * 91 % 997},50 | EUR |\n" for i in range(100))
    other = "".join(f"| {i} | {i * 41 % 1000} | {i * 83 % 997},50 | EUR |\n" for i in range(100))
    one, two = signatures([table, other])
    assert np.mean(one == two) < 0.2


def test_a_text_without_words_is_like_no_other():
    assert (signatures(["", " \n", "!?"]) == 2**32 - 1).all()
    assert signatures([]).shape == (0, 112)


def test_threads_change_nothing():
    texts = [TEXT * (i % 7) + str(i) for i in range(100)]
    before, want = _core.threads(), signatures(texts)
    try:
        for threads in (1, 3):
            _core.set_threads(threads)
            assert np.array_equal(signatures(texts), want)
    finally:
        _core.set_threads(before)


@pytest.mark.parametrize("isa", _core.isas())
def test_every_instruction_set_signs_alike(isa):
    code = "import sys; from gptengine.curate.near import *; "
    code += "sys.stdout.buffer.write(signatures([sys.argv[1]], NearOptions(bands=37, rows=3)))"
    env = {**os.environ, "GPTE_ISA": isa, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code, TEXT], capture_output=True, env=env)
    want = curation.signature(TEXT.encode(), 111, 5, 1)
    assert done.stdout == want.tobytes(), done.stderr


def test_bad_options_are_named():
    with pytest.raises(ValueError, match="jaccard 1.5 must be from 0 to 1"):
        NearOptions(jaccard=1.5)
    with pytest.raises(ValueError, match="bands 0 must be 1 or more"):
        NearOptions(bands=0)
    with pytest.raises(ValueError, match="shingles of 65 words"):
        signatures(["a"], NearOptions(shingle=65))
