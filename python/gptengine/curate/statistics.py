"""What the rules of quality ask of a text, counted in one go by the engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .. import _core


class TextStatistics(NamedTuple):
    """Counts of a text; cpp/text/text_statistics.h defines each in a line.

    Words are maximal runs of letters, marks and numbers, with ' or - between letters, and are
    compared without regard to case. Lines are what is between newlines without white space at their
    ends, and paragraphs runs of such lines; empty ones do not count.
    """

    bytes: int
    characters: int
    letters: int
    digits: int
    whitespace: int
    uppercase: int
    punctuation: int
    symbols_hash: int
    curly_brackets: int
    newlines: int
    ellipses: int
    sentences: int
    urls: int
    words: int
    word_characters: int
    words_with_letter: int
    distinct_words: int
    longest_word: int
    top_word_count: int
    stop_words: int
    distinct_stop_words: int
    lines: int
    line_characters: int
    longest_line: int
    short_lines: int
    bullet_lines: int
    ellipsis_lines: int
    terminal_punctuation_lines: int
    duplicate_lines: int
    duplicate_line_characters: int
    paragraphs: int
    duplicate_paragraphs: int
    duplicate_paragraph_characters: int
    top_ngram_characters: dict[int, int]  # by n = 2 to 4
    duplicate_ngram_characters: dict[int, int]  # by n = 5 to 10


def word_set(words: Iterable[str]) -> _core.WordSet:
    """Prepare words to be counted in many texts, such as a language's most frequent ones.

    ValueError if one of them is not one word as TextStatistics counts words.
    """
    return _core.WordSet([word.encode() for word in words])


def text_statistics(text: str | bytes, stop_words: _core.WordSet | None = None) -> TextStatistics:
    """Count everything at once. Other threads run meanwhile; a text has at most 512 MiB of UTF-8.

    What is not valid, of bytes or of a str with lone surrogates, counts as U+FFFD.
    """
    return TextStatistics(*_core.CountedText(text).statistics(stop_words))
