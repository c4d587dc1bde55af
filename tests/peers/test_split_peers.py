"""Every split against those who published the patterns, on texts made of traps.

The number of texts is small unless GPTE_TRAPS says otherwise:
GPTE_TRAPS=200000 python -m pytest tests/peers/test_split_peers.py
"""

import os

import pytest

from gptengine import _core
from gptengine.tokenizer import splits
from text import test_splits
from text.texts import traps

COUNT = int(os.environ.get("GPTE_TRAPS", "4200"))
SPELLINGS = [*test_splits.SPELLINGS, *((p, name) for name, p in splits.PATTERNS.items())]


def texts(name):
    """A third of COUNT for all splits together: each text is split three times."""
    return traps(name, COUNT // (3 * len(splits.NAMES)) + 1)


def ours(text, name):
    return _core.split(text.encode(), name).tolist()


@pytest.mark.parametrize("pattern, name", [*SPELLINGS, *splits.TIKTOKEN.items()])
def test_split_equals_tiktoken(pattern, name):
    """It does not give its pieces. But where all parts of a text are tokens, each piece is one."""
    tiktoken = pytest.importorskip("tiktoken")
    for text in texts(name):
        n = len(text)
        parts = {text[i:j].encode() for i in range(n) for j in range(i + 1, n + 1)}
        tokens = sorted(parts | {bytes([b]) for b in range(256)})
        encoding = tiktoken.Encoding(
            "traps",
            pat_str=pattern,
            mergeable_ranks={token: i for i, token in enumerate(tokens)},
            special_tokens={},
        )
        got = [len(tokens[i]) for i in encoding.encode_ordinary(text)]
        assert got == ours(text, name), text


@pytest.mark.parametrize("pattern, name", SPELLINGS)
def test_split_equals_tokenizers(pattern, name):
    tokenizers = pytest.importorskip("tokenizers")
    split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated", invert=False)
    for text in texts(name):
        got = [len(piece.encode()) for piece, _ in split.pre_tokenize_str(text)]
        assert got == ours(text, name), text


def test_smollm_is_what_its_files_say():
    """Two steps there, each digit alone and then GPT-2's pattern, and one pattern here."""
    pytest.importorskip("tokenizers")
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    steps = Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    for text in texts("smollm"):
        # a byte is a letter after ByteLevel
        got = [len(piece) for piece, _ in steps.pre_tokenize_str(text)]
        assert got == ours(text, "smollm"), text


@pytest.mark.parametrize("name", splits.NAMES)
def test_split_equals_the_regex_module(name):
    regex = pytest.importorskip("regex")
    pattern = regex.compile(splits.PATTERNS[name].replace(r"\z", r"\Z"))
    for text in texts(name):
        assert [len(p.encode()) for p in pattern.findall(text)] == ours(text, name), text
