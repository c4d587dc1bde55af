"""Characters and their classes, and every split, against their definitions."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given

from gptengine import _core
from reference import split
from text.texts import AGREED, CLASSES, KINDS, byte_texts

SPLITS = tuple(split.PATTERNS)
LETTERS = [KINDS[kind] for kind in "UlL"]


def pieces(data, name):
    ends = [0, *np.cumsum(_core.split(data, name), dtype=np.int64).tolist()]
    return [data[a:b] for a, b in zip(ends, ends[1:], strict=False)]


def test_classes_are_unicode_16():
    counts = np.bincount(CLASSES).tolist()
    assert sum(counts[k] for k in LETTERS) == 141_028
    assert counts[KINDS["U"]] == 1_858 + 31  # capitals, and those of titles
    assert [counts[KINDS[kind]] for kind in "NSM"] == [1_911, 25, 2_501]
    assert sum(counts) == len(CLASSES) == 0x110000
    if unicodedata.unidata_version == "16.0.0":
        assert all(AGREED)


def test_classes_agree_with_every_assigned_character_of_an_older_python():
    if unicodedata.unidata_version > "16":
        pytest.skip("this Python knows characters that Unicode 16.0 does not have")
    differ = [c for c in range(0x110000) if not AGREED[c] and unicodedata.category(chr(c)) != "Cn"]
    assert differ == []


def test_classes_agree_with_unicodedata2(monkeypatch):
    database = pytest.importorskip("unicodedata2", "16.0.0")
    if database.unidata_version != "16.0.0":
        pytest.skip(f"unicodedata2 {database.unidata_version} is not 16.0.0")
    monkeypatch.setattr(split, "unicodedata", database)
    assert [KINDS[split.kind(chr(c))] for c in range(0x110000)] == CLASSES


@pytest.mark.parametrize("name", SPLITS)
@given(data=byte_texts())
def test_split_equals_the_reference(name, data):
    assert pieces(data, name) == split.split(data, name)


@pytest.mark.parametrize("name", SPLITS)
@given(a=byte_texts(), b=byte_texts())
def test_a_text_can_be_cut_where_cut_says(name, a, b):
    text = a + b
    at = len(a)
    while (at := _core.split_cut(text, at, name)) < len(text):
        assert pieces(text[:at], name) + pieces(text[at:], name) == pieces(text, name)
        at += 1
    assert _core.split_cut(text, 0, name) == 0


@pytest.mark.parametrize("name", SPLITS)
@pytest.mark.parametrize(
    "text, at, cut",
    [
        ("one two three", 4, 7),
        ("one, two", 1, 4),
        ("a\nb\nc", 2, 2),
        ("a.\n b", 1, 5),  # a newline may belong to the punctuation before it
        ("一。\n二", 1, 7),
        ("a\n\nb", 2, 4),  # one piece or two
        ("x;\n//\n/y", 1, 8),
        ("\u3000\u3000 a", 1, 8),
        ("aaaa", 1, 4),
        ("", 0, 0),
        ("a b", 9, 3),
    ],
)
def test_cut_of(name, text, at, cut):
    assert _core.split_cut(text.encode(), at, name) == cut


@pytest.mark.parametrize(
    "name, text, want",
    [
        ("gpt2", "Hello world", ["Hello", " world"]),
        ("gpt2", "we'll can'T 'tis", ["we", "'ll", " can", "'", "T", " '", "tis"]),
        ("gpt2", "that'ſx", ["that", "'", "ſx"]),
        ("gpt2", "a  b   ", ["a", " ", " b", "   "]),
        ("gpt2", "a\n\n b", ["a", "\n\n", " b"]),
        ("gpt2", "a\n b\tc", ["a", "\n", " b", "\t", "c"]),
        ("gpt2", "x1²Ⅷ ½", ["x", "1²Ⅷ", " ½"]),
        ("gpt2", "!?'s", ["!?'", "s"]),
        ("gpt2", "a\u00a0b\u3000\u3000c", ["a", "\u00a0", "b", "\u3000", "\u3000", "c"]),
        ("gpt2", "a\x1cb\u200bc", ["a", "\x1c", "b", "\u200b", "c"]),
        ("llama3", "can'T're'llx", ["can", "'T", "'re", "'ll", "x"]),
        ("llama3", "that'ſx", ["that", "'ſ", "x"]),
        ("llama3", "it’s \tx (y", ["it", "’s", " ", "\tx", " (", "y"]),
        ("llama3", "12345 678", ["123", "45", " ", "678"]),
        ("llama3", "a!\r\n\n  b\n \n c", ["a", "!\r\n\n", " ", " b", "\n \n", " c"]),
        ("llama3", "a \n  ", ["a", " \n", "  "]),
        ("cl100k", "a \n  ", ["a", " \n  "]),
        ("cl100k", "\u0301a नमस्ते", ["\u0301a", " नमस", "्त", "े"]),
        (
            "smollm",
            "a  12 b\n\n3 \n c1's",
            [*("a", "  ", "1", "2", " b", "\n\n", "3", " \n", " c", "1", "'s")],
        ),
        ("qwen2", "12 3", ["1", "2", " ", "3"]),
        ("o200k", "fooBarBAZ'sX 'll", ["foo", "Bar", "BAZ's", "X", " '", "ll"]),
        ("o200k", "漢ABC漢's", ["漢ABC漢's"]),
        ("o200k", "漢AB 漢Ab", ["漢", "AB", " 漢Ab"]),
        ("o200k", "\u0301AB", ["\u0301", "AB"]),
        ("o200k", "x//\n/x", ["x", "//\n/", "x"]),
        ("o200k", "नमस्ते ǅa", ["नमस्ते", " ǅa"]),
        ("o200k", "!\u0301 !!\u0301a", ["!\u0301", " !!\u0301", "a"]),
        ("tekken", "Don't12", ["Don", "'t", "1", "2"]),
        ("words", " a\n b1!\u3000c", [" ", "a", "\n ", "b1!", "\u3000", "c"]),
    ],
)
def test_split_of(name, text, want):
    assert [p.decode() for p in pieces(text.encode(), name)] == want


@pytest.mark.parametrize("name", ["gpt2", "llama3", "o200k"])
def test_split_takes_invalid_bytes_as_other(name):
    assert pieces(b"a\xff\xc3b \xe2\x82 1", name)[:3] == [b"a", b"\xff\xc3", b"b"]


def test_an_invalid_part_is_one_character():
    assert pieces(b"\xe2\x82a", "llama3") == [b"\xe2\x82a"]
    assert pieces(b"\xff\xffa", "llama3") == [b"\xff\xff", b"a"]
