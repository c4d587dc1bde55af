"""What the rules of quality ask of a text, counted by the core in one pass."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from gptengine import _core


@dataclass(frozen=True, slots=True)
class TextStatistics:
    """Counts of one text; cpp/text/text_statistics.h defines each in a line."""

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
    top_ngram_characters: dict[int, int]  # by n, 2 to 4
    duplicate_ngram_characters: dict[int, int]  # by n, 5 to 10


def text_statistics(text: str, stop_words: frozenset[str] = frozenset()) -> TextStatistics:
    """The counts of a text; `stop_words` are single words, folded or not."""
    words = _word_set(stop_words) if stop_words else None
    return TextStatistics(*_core.text_statistics(text, words))


@functools.lru_cache(maxsize=64)
def _word_set(words: frozenset[str]):
    return _core.WordSet([word.encode() for word in sorted(words)])
