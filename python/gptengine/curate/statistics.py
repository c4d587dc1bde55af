"""What can be counted in a text in one pass: the numbers that the rules of quality are about."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextStatistics:
    """Counts of one text. A word is a run of letters, marks and digits, ' or - between letters too.

    Characters are code points; lines are those that hold more than whitespace.
    """

    bytes: int
    characters: int
    letters: int
    digits: int
    whitespace: int
    uppercase: int
    punctuation: int
    symbols_hash: int  # "#"
    ellipses: int  # "…" and "..."
    words: int
    word_characters: int
    words_with_letter: int
    distinct_words: int  # folded
    stop_words: int  # words that are in the list
    distinct_stop_words: int  # words of the list that occur
    lines: int
    line_characters: int
    bullet_lines: int  # begin with a bullet or "-" and a space
    ellipsis_lines: int  # end with an ellipsis
    terminal_punctuation_lines: int
    short_lines: int  # of at most 30 characters
    duplicate_lines: int  # that were there before
    duplicate_line_characters: int
    paragraphs: int  # runs of lines without an empty one between
    duplicate_paragraphs: int
    duplicate_paragraph_characters: int
    newlines: int
    top_ngram_characters: tuple[int, ...]  # of the most frequent word n-gram, n = 2, 3, 4
    duplicate_ngram_characters: tuple[int, ...]  # in n-grams seen before, n = 5 to 10
    sentences: int  # ". ! ?" before a space or the end
    curly_brackets: int
    longest_word: int
    longest_line: int
    top_word_count: int
    urls: int  # "http://", "https://", "www."


WORD = re.compile(r"[^\W_](?:[^\W_]|(?<=[^\W\d_])['’-](?=[^\W\d_]))*")


def text_statistics(text: str, stop_words: frozenset[str] = frozenset()) -> TextStatistics:
    words = [w.casefold() for w in WORD.findall(text)]
    counts = Counter(words)
    lines = [s for s in (line.strip() for line in text.split("\n")) if s]
    paragraphs = [s for s in (p.strip() for p in re.split(r"\n[^\S\n]*\n", text)) if s]
    line_copies, paragraph_copies = _copies(lines), _copies(paragraphs)
    return TextStatistics(
        bytes=len(text.encode("utf-8", "surrogatepass")),
        characters=len(text),
        letters=sum(map(str.isalpha, text)),
        digits=sum(map(str.isdecimal, text)),
        whitespace=sum(map(str.isspace, text)),
        uppercase=sum(map(str.isupper, text)),
        punctuation=sum(c in "!\"'(),-.:;?[]{}…„“”‚‘’«»–—" for c in text),
        symbols_hash=text.count("#"),
        ellipses=text.count("…") + text.count("..."),
        words=len(words),
        word_characters=sum(map(len, words)),
        words_with_letter=sum(any(map(str.isalpha, w)) for w in words),
        distinct_words=len(counts),
        stop_words=sum(n for w, n in counts.items() if w in stop_words),
        distinct_stop_words=sum(w in stop_words for w in counts),
        lines=len(lines),
        line_characters=sum(map(len, lines)),
        bullet_lines=sum(re.match(r"[•‣◦▪●○·*-]\s", s) is not None for s in lines),
        ellipsis_lines=sum(s.endswith(("…", "...")) for s in lines),
        terminal_punctuation_lines=sum(
            s.rstrip("\"'”“’»«)").endswith((".", "!", "?", "…")) for s in lines
        ),
        short_lines=sum(len(s) <= 30 for s in lines),
        duplicate_lines=len(line_copies),
        duplicate_line_characters=sum(map(len, line_copies)),
        paragraphs=len(paragraphs),
        duplicate_paragraphs=len(paragraph_copies),
        duplicate_paragraph_characters=sum(map(len, paragraph_copies)),
        newlines=text.count("\n"),
        top_ngram_characters=tuple(_top(words, n) for n in (2, 3, 4)),
        duplicate_ngram_characters=tuple(_repeated(words, n) for n in range(5, 11)),
        sentences=len(re.findall(r"[.!?](?=\s|$)", text)),
        curly_brackets=text.count("{") + text.count("}"),
        longest_word=max(map(len, words), default=0),
        longest_line=max(map(len, lines), default=0),
        top_word_count=max(counts.values(), default=0),
        urls=len(re.findall(r"https?://|www\.", text)),
    )


def _copies(items):
    seen, copies = set(), []
    for item in items:
        if item in seen:
            copies.append(item)
        seen.add(item)
    return copies


def _top(words, n):
    counts = Counter(zip(*(words[i:] for i in range(n)), strict=False))
    if not counts:
        return 0
    most = max(counts.values())
    if most == 1:
        return 0
    return most * max(sum(map(len, gram)) for gram, count in counts.items() if count == most)


def _repeated(words, n):
    seen, inside = set(), bytearray(len(words))
    for i in range(len(words) - n + 1):
        gram = tuple(words[i : i + n])
        if gram in seen:
            inside[i : i + n] = b"\1" * n
        seen.add(gram)
    return sum(len(w) for w, copied in zip(words, inside, strict=True) if copied)
