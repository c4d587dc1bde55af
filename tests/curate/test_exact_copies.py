"""Exact duplicates: hashes of texts and their parts, and which of them is kept."""

import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import small_corpora as corpora
from hypothesis import given
from hypothesis import strategies as st

from gptengine.curate import run
from gptengine.curate.exact import duplicates, text_hashes, text_parts, without_parts
from reference.split import SPACES
from text.texts import byte_texts, texts

sys.path.insert(0, str(Path(__file__).parents[2]))
from bench import planted_copies

SPACE = re.compile("[" + "".join(map(re.escape, map(chr, sorted(SPACES)))) + "]+")
LINES = st.lists(st.sampled_from(["a", "b  c", " b c", "", " \t", "\u3000", "ä"]), max_size=12)


def squeezed(text):
    return SPACE.sub(" ", text).strip(" ")


@given(st.lists(texts(), max_size=8), st.lists(byte_texts(), max_size=4))
def test_hashes_are_equal_where_texts_are_but_for_white_space(some, raw):
    spaced = [SPACE.sub("\n\u3000", f" {text}") for text in some]
    data = [*some, *spaced, *map(squeezed, some)]
    keys = list(map(tuple, text_hashes(data).tolist()))
    plain = list(map(squeezed, data))
    for i in range(len(data)):
        for j in range(i):
            assert (keys[i] == keys[j]) == (plain[i] == plain[j])
    assert len({*map(tuple, text_hashes(list(set(raw))).tolist())}) <= len(set(raw))


def test_hashes_of_many_texts_differ_in_both_halves():
    hashes = text_hashes([f"{i}" for i in range(20_000)] + ["x" * i for i in range(1, 3000)])
    assert [len(np.unique(half)) for half in hashes.T] == [22_999, 22_999]
    ones = np.unpackbits(hashes.view(np.uint8), axis=1).mean(axis=0)
    assert abs(ones - 0.5).max() < 0.02


@given(LINES.map("\n".join))
def test_parts_are_lines_and_paragraphs(text):
    lines = text.split("\n")
    blank = [not squeezed(line) for line in lines]
    want = [(i, i + 1) for i in range(len(lines)) if not blank[i]]
    parts, hashes = text_parts(text, "line")
    assert list(map(tuple, parts.tolist())) == want
    assert np.array_equal(hashes, text_hashes([lines[a] for a, _ in want]))

    runs = re.finditer("x+", "".join(" x"[not b] for b in blank))
    parts, hashes = text_parts(text, "paragraph")
    assert list(map(tuple, parts.tolist())) == [run.span() for run in runs]
    assert np.array_equal(hashes, text_hashes(["\n".join(lines[a:b]) for a, b in parts]))


@given(LINES.map("\n".join), st.sampled_from(["line", "paragraph"]), st.data())
def test_what_is_dropped_leaves_the_other_parts(text, unit, data):
    parts, hashes = text_parts(text, unit)
    numbers = st.sets(st.integers(0, len(parts) - 1)) if len(parts) else st.just(set())
    dropped = data.draw(numbers)
    rest = without_parts(text, parts, dropped)
    left = [i for i in range(len(parts)) if i not in dropped]
    if unit == "line" or not dropped:
        assert np.array_equal(text_parts(rest, unit)[1], hashes[left])
    assert squeezed(rest) == squeezed(
        "\n".join(line for i in left for line in text.split("\n")[slice(*parts[i])])
    )


@pytest.mark.parametrize("chunk", [1, 1000, 40_000])
@pytest.mark.parametrize("memory", [1 << 20, 1 << 28])
def test_the_lowest_number_of_a_hash_is_kept(chunk, memory, tmp_path):
    count = 100_000 if chunk > 1 else 500
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, count // 3, (count, 1), np.uint64) * np.array([[1, 3]], np.uint64)
    hashes[::7, 0] = 5  # the same first half is not enough
    numbers = rng.permutation(count).astype(np.uint64)
    chunks = ((hashes[i : i + chunk], numbers[i : i + chunk]) for i in range(0, count, chunk))
    first, want = {}, []
    for key, number in sorted(zip(map(tuple, hashes.tolist()), numbers.tolist(), strict=True)):
        if first.setdefault(key, number) != number:
            want.append([number, first[key]])
    got = [*duplicates(chunks, memory_bytes=memory, folder=str(tmp_path))]
    assert np.concatenate(got).tolist() == want
    assert os.listdir(tmp_path) == []


def test_planted_copies_at_45_percent(tmp_path):
    """Of a text and its copies one stays, and what differs in a letter, a mark or a word stays."""
    texts = [corpora.prose(i) for i in range(110)]
    planted = planted_copies.exact(np.random.default_rng(0), texts, 0.45)
    counts = Counter(what for _, what, _ in planted)
    assert counts == {"text": 110, "other": 5, "copy": 94} and 94 / len(planted) > 0.449
    path = tmp_path / "planted.jsonl"
    corpora.write_jsonl(path, [{"text": text} for *_, text in planted])
    recipe = {"sources": {"a": {"path": str(path), "language": "en"}}, **corpora.PLAIN}
    report = run(
        {**recipe, "near": False, "quality": False, "spam": False}, tmp_path / "out", workers=1
    )
    assert report["reasons"] == {"exact.document": report["reasons"]["exact.document"]}
    assert report["reasons"]["exact.document"][0] == 94
    lines = (tmp_path / "out/documents/a-00000.jsonl").read_text().splitlines()
    kept = Counter(squeezed(json.loads(line)["text"]) for line in lines)
    assert kept == Counter({squeezed(text) for *_, text in planted})


def test_nothing_has_no_duplicates():
    assert [*duplicates([])] == []


def test_what_is_wrong_is_named():
    with pytest.raises(ValueError, match="'word' is none of line, paragraph"):
        text_parts("a", "word")
    with pytest.raises(ValueError, match=r"hashes \(2, 2\) for 1 numbers"):
        next(duplicates([(text_hashes(["a", "b"]), np.zeros(1))]))
