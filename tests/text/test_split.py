"""Characters and their classes, and GPT-2's split, against their definitions."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given

from gptengine import _core
from reference import bpe
from text.texts import AGREED, CLASSES, KINDS, byte_texts

PATTERN = r"""'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""


def pieces(data):
    ends = [0, *np.cumsum(_core.split(data, "gpt2"), dtype=np.int64).tolist()]
    return [data[a:b] for a, b in zip(ends, ends[1:], strict=False)]


def test_classes_are_unicode_16():
    assert np.bincount(CLASSES).tolist() == [0x110000 - 141_028 - 1_911 - 25, 141_028, 1_911, 25]
    if unicodedata.unidata_version == "16.0.0":
        assert all(AGREED)


def test_classes_agree_with_every_assigned_character_of_an_older_python():
    if unicodedata.unidata_version > "16":
        pytest.skip("this Python knows characters that Unicode 16.0 does not have")
    differ = [c for c in range(0x110000) if not AGREED[c] and unicodedata.category(chr(c)) != "Cn"]
    assert differ == []


def test_classes_agree_with_unicodedata2():
    database = pytest.importorskip("unicodedata2", "16.0.0")
    if database.unidata_version != "16.0.0":
        pytest.skip(f"unicodedata2 {database.unidata_version} is not 16.0.0")
    letters = [c for c in range(0x110000) if database.category(chr(c))[0] == "L"]
    assert letters == np.flatnonzero(np.array(CLASSES) == KINDS["L"]).tolist()


@given(byte_texts())
def test_split_equals_the_reference(data):
    assert pieces(data) == bpe.split(data)


@given(byte_texts())
def test_split_equals_the_pattern(data):
    regex = pytest.importorskip("regex")
    text = data.decode("utf-8", "replace")
    assert pieces(text.encode()) == [p.encode() for p in regex.findall(PATTERN, text)]


@pytest.mark.parametrize(
    "text, want",
    [
        ("Hello world", ["Hello", " world"]),
        ("we'll can'T 'tis", ["we", "'ll", " can", "'", "T", " '", "tis"]),
        ("a  b   ", ["a", " ", " b", "   "]),
        ("a\n\n b", ["a", "\n\n", " b"]),
        ("a\n b\tc", ["a", "\n", " b", "\t", "c"]),
        ("x1²Ⅷ ½", ["x", "1²Ⅷ", " ½"]),
        ("!?'s", ["!?'", "s"]),
        ("a\u00a0b\u3000\u3000c", ["a", "\u00a0", "b", "\u3000", "\u3000", "c"]),
        ("a\x1cb\u200bc", ["a", "\x1c", "b", "\u200b", "c"]),
    ],
)
def test_split_of(text, want):
    assert [p.decode() for p in pieces(text.encode())] == want


def test_split_takes_invalid_bytes_as_other():
    assert pieces(b"a\xff\xc3b \xe2\x82 1") == [b"a", b"\xff\xc3", b"b", b" \xe2\x82", b" 1"]
