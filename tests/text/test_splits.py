"""The names of splits, the patterns that spell them, and splits by rules."""

import re

import numpy as np
import pytest
from hypothesis import given

from gptengine import _core
from gptengine.tokenizer import splits
from reference import split
from text.texts import byte_texts

# As tiktoken published them before its patterns became possessive.
SPELLINGS = [
    (
        r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        "gpt2",
    ),
    (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
        "llama3",
    ),
]


def pieces(data, name):
    ends = [0, *np.cumsum(_core.split(data, name), dtype=np.int64).tolist()]
    return [data[a:b] for a, b in zip(ends, ends[1:], strict=False)]


def test_the_engine_knows_every_name():
    assert splits.NAMES == tuple(split.PATTERNS)
    for name in splits.NAMES:
        assert pieces(b"a", name) == [b"a"]
    for name in splits.NAMES[:-1]:
        assert splits.from_pattern(splits.PATTERNS[name]) == name


def test_an_unknown_pattern_is_printed():
    with pytest.raises(ValueError, match=re.escape(r"the split pattern '\\w+' is none of")):
        splits.from_pattern(r"\w+")
    tiktoken = next(iter(splits.TIKTOKEN))
    assert splits.from_pattern(tiktoken, tiktoken=True) == "gpt2"
    with pytest.raises(ValueError, match="is none of"):
        splits.from_pattern(tiktoken)


@pytest.mark.parametrize("pattern, name", SPELLINGS)
def test_other_spellings(pattern, name):
    assert splits.from_pattern(pattern) == name


@given(data=byte_texts())
def test_rules_equal_the_scanner_of_words(data):
    rules = splits.rules([("S", 1, None)], [("LMNO", 1, None)])
    assert pieces(data, rules) == pieces(data, "words")


@pytest.mark.parametrize(
    "rules, text, want",
    [
        ("_?L+|_?N+|_?[OM]+|S+", "ab  cd 12!\n", ["ab", "  ", "cd", " 12", "!", "\n"]),
        ("N{1,3}|L{2}|n+", "12345abc\r\n ", ["123", "45", "ab", "c", "\r\n", " "]),
        ("Ul*|l+|C+", "FooBar漢字x", ["Foo", "Bar", "漢字", "x"]),
        ("L+N{2,}|L", "ab12c1", ["ab12", "c", "1"]),
    ],
)
def test_split_by_rules(rules, text, want):
    assert [p.decode() for p in pieces(text.encode(), "rules:" + rules)] == want
    assert _core.split_cut(text.encode(), 1, "rules:" + rules) == len(text.encode())


@pytest.mark.parametrize(
    "rules", ["", "|L", "L|", "x", "[L", "[]", "L*", "L?N*", "L{", "L{a}", "L{3,1}", "L{0}", "L{1"]
)
def test_broken_rules_are_refused(rules):
    with pytest.raises(ValueError, match="split: in the rules"):
        _core.split(b"a", "rules:" + rules)


def test_rules_are_written_from_lists():
    name = splits.rules([("_", 0, 1), ("L", 1, None)], [("N", 1, 3)])
    assert name == "rules:[_]{0,1}[L]{1,}|[N]{1,3}"
    with pytest.raises(ValueError, match="needs a rule"):
        splits.rules()
