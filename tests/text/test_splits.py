"""The names of splits, the patterns that spell them, and splits by rules."""

import json
import random
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from gptengine.tokenizer import Tokenizer, splits, training
from reference import bpe, split
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


RULES = [
    "_?L+|_?N+|_?[OM]+|S+",
    "L+N{2,}|L",
    "Ul*|l+|C+",
    "S?L{2,3}N?O|n+",
    "[LMNO]+|S+",
    "L?S*N|O",
]
few = st.text(" ab1é漢\n.́", max_size=60).map(str.encode) | byte_texts()


@given(st.sampled_from(RULES), few, st.integers(0, 60))
def test_a_cut_changes_no_pieces(rules, data, at):
    cut = _core.split_cut(data, at, "rules:" + rules)
    assert min(at, len(data)) <= cut <= len(data)
    both = pieces(data[:cut], "rules:" + rules) + pieces(data[cut:], "rules:" + rules)
    assert both == pieces(data, "rules:" + rules)


def test_rules_are_cut_where_none_reads_on():
    cut = lambda rules, text, at=1: _core.split_cut(text.encode(), at, "rules:" + rules)
    assert cut("_?L+|_?N+|S+", "ab cd") == 2
    assert cut("_?L+|_?N+|S+", "ab12") == 2
    assert cut("L+N?|S+", "ab1 c", 2) == 3  # L and then N are read by one rule
    assert cut("L+S*N|S+", "ab  1") == len("ab  1")


@pytest.mark.parametrize("rules", ["L+N|L", "L{5000}N|L", "L+S*L+N|L|S", "L{2,}[LN]{0,5000}S|L"])
@pytest.mark.parametrize("room", [1, 100, 1 << 20])
def test_rules_look_at_each_character_a_few_times(rules, room):
    """Each of them reads far and then does not fit."""
    runs = len(re.findall(r"\[|(?<!\[)[LNS]", rules))
    for n in (1000, 40_000):
        assert _core.rule_far_looks(b"a" * n, rules, room) < 3 * n * runs


@pytest.mark.parametrize(
    "rules", ["", "|L", "L|", "x", "[L", "[]", "L*", "L?N*", "L{", "L{a}", "L{3,1}", "L{0}", "L{1"]
)
def test_broken_rules_are_refused(rules):
    with pytest.raises(ValueError, match="split: in the rules"):
        _core.split(b"a", "rules:" + rules)


@pytest.mark.parametrize(
    "rules, match",
    [
        ("L?" * 200_000, r"the rules (L\?){50}\.\.\. have more than 1000 runs$"),
        ("L|" * 1001 + "L", r"the rules (L\|){50}\.\.\. have more than 1000 runs$"),
        ("L{" + "é" * 100_000, r"in the rules L{é{49}\.\.\. there is no number at 2$"),
    ],
)
def test_long_rules_are_refused_shortly(rules, match):
    with pytest.raises(ValueError, match=match):
        _core.split(b"a", "rules:" + rules)


def test_rules_are_written_from_lists():
    name = splits.rules([("_", 0, 1), ("L", 1, None)], [("N", 1, 3)])
    assert name == "rules:[_]{0,1}[L]{1,}|[N]{1,3}"
    with pytest.raises(ValueError, match="needs a rule"):
        splits.rules()


@given(few.filter(bool), st.sampled_from(RULES))
def test_training_by_rules_equals_the_reference(data, rules):
    tok = Tokenizer.train(
        data, vocab_size=276, split="rules:" + rules, min_frequency=1, special_tokens=[]
    )
    want = bpe.train([data], 20, split=lambda text: pieces(text, "rules:" + rules))
    assert [tuple(pair) for pair in tok._vocabulary.merges.tolist()] == want
    assert tok.decode_bytes(tok.encode(data)) == data


@pytest.mark.parametrize("rules", RULES)
def test_threads_change_nothing(rules, tmp_path, monkeypatch):
    """Neither in training, from memory or a file, nor in encoding."""
    generator = random.Random(1)
    text = "".join(
        generator.choices(["ab", " c", "1", "23", "é", "\n", ".", "xX ", "漢"], k=500_000)
    )
    (tmp_path / "text").write_text(text)
    monkeypatch.setattr(training, "BATCH", 1000)
    options = dict(vocab_size=300, split="rules:" + rules, memory="28MiB")
    before = _core.threads()
    try:
        _core.set_threads(1)
        want = Tokenizer.train(text, **options)
        ids = want.encode(text)
        for n in (2, 3):
            _core.set_threads(n)
            assert Tokenizer.train(text, **options) == want
            assert Tokenizer.train(tmp_path / "text", **options) == want
            assert np.array_equal(want.encode_batch([text])[0], ids)
    finally:
        _core.set_threads(before)


def test_files_say_or_refuse_a_split_by_rules(tmp_path):
    tok = Tokenizer.train("ab ab cd cd", vocab_size=259, split=splits.rules([("LS", 1, None)]))
    for path in (tmp_path / "folder", tmp_path / "a.json"):
        tok.save(path)
        assert Tokenizer.load(path) == tok
    with pytest.raises(ValueError, match="GGUF has no name for the split 'rules:"):
        tok.save(tmp_path / "a.gguf")
    data = json.loads((tmp_path / "a.json").read_text())
    for name in ("gpt2", "rules:Q", "rules:", None):
        data["pre_tokenizer"]["split"] = name
        (tmp_path / "a.json").write_text(json.dumps(data))
        with pytest.raises(ValueError, match="a.json: (pre_tokenizer .* none by rules|split: in)"):
            Tokenizer.load(tmp_path / "a.json")
    tok.save(tmp_path / "a.tiktoken")
    again = Tokenizer.load(
        tmp_path / "a.tiktoken", split=tok._vocabulary.split, special_tokens=tok.special_tokens
    )
    assert again.encode("ab cd").tolist() == tok.encode("ab cd").tolist()
    with pytest.raises(ValueError, match="split: in the rules Q there is no character class at 0"):
        Tokenizer.train("a", vocab_size=300, split="rules:Q")
