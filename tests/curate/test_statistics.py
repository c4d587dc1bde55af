"""Text statistics against their definitions, on any text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from gptengine.curate.statistics import TextStatistics, text_statistics, word_set
from reference import curation
from text.texts import AGREED, INVALID, byte_texts, texts

MARKS = [
    *"#{}-*+–—·•‣►'’\"”“«»)]」.!?…。！？:/\n",
    "\n\n",
    "...",
    "....",
    "http://",
    "HTTPS://www.",
]
MARKS += ["www.", "Www.", "x/www.", "’s-", "a-b", "1-a", "a'1", "e\u0301'x", "ſ", "K", "ẞ", "ß"]
# Characters whose folding or category has changed since the oldest Python that we run on.
CHANGED = {c for c in map(chr, range(0x110000)) if not AGREED[ord(c)]} | {*"ƛɤ"}


def repeating():
    """A few lines and words again and again, so that all that counts repeats has something."""
    part = st.sampled_from(
        ["a b c", "a b", "x ", " ", "\n", "\n \n", "Lorem ipsum", "über ", "ÜBER"]
    )
    return st.lists(part | st.sampled_from(MARKS), max_size=60).map("".join).map(str.encode)


@given(
    repeating() | byte_texts(80) | st.tuples(byte_texts(), repeating(), byte_texts()).map(b"".join)
)
def test_equal_the_definitions(data):
    if CHANGED & set(data.decode("utf-8", "ignore")):
        return
    stop_words = ["the", "a", "über", "don't"]
    got = text_statistics(data, word_set(stop_words))
    assert got._asdict() == curation.statistics(data, stop_words)


@given(texts())
def test_a_str_is_its_utf8(text):
    assert text_statistics(text) == text_statistics(text.encode())


@pytest.mark.parametrize("part", [*INVALID, *(m.encode() for m in MARKS)])
def test_any_part_at_every_place(part):
    """Of the eight bytes that are looked at together, and at the end of the text."""
    for before in range(10):
        for after in range(10):
            data = b"a" * before + part + b"b" * after
            assert text_statistics(data)._asdict() == curation.statistics(data), data


def test_names_are_the_engines():
    assert list(TextStatistics._fields) == _core.text_statistics_fields()


def test_every_case_is_folded():
    checked = 0
    for char in map(chr, range(0x110000)):
        if char in CHANGED or unicodedata.category(char) == "Cs":
            continue
        other = curation.folded(char)
        if other != char and curation.kind(char) in "UlLMN":
            checked += 1
            assert text_statistics(f"x{char}x X{other}X").distinct_words == 1, hex(ord(char))
            assert text_statistics(f"x{char} xx{other}").distinct_words == 2
    assert checked > 1300


def test_repetition_is_walked_in_linear_time():
    """Ten words for each of a text's own is the worst; a square of them would not end."""
    for unit in ("a ", "a b ", "a b c d e f g h i j k l m "):
        counts = text_statistics(unit * (600_000 // len(unit)))
        assert counts.duplicate_ngram_characters[10] > 0.9 * counts.word_characters
    half = " ".join(str(i) for i in range(50_000))
    counts = text_statistics(f"{half} {half}")
    assert counts.duplicate_ngram_characters[10] == counts.word_characters // 2
    assert counts.top_ngram_characters[4] == 2 * len("49996 49997 49998 49999")


def test_words_to_look_for():
    words = word_set(["the", "Straße", "don’t"])
    assert len(words) == 3
    counts = text_statistics("The STRAßE the DON'T those", words)
    assert (counts.stop_words, counts.distinct_stop_words) == (4, 3)
    for wrong in ("", "two words", "ends-", "."):
        with pytest.raises(ValueError, match="word"):
            word_set(["fine", wrong])


def test_what_is_no_text_is_refused():
    with pytest.raises(ValueError, match="str or bytes"):
        text_statistics(None)
