"""Rules of quality over a text's statistics: those of Gopher, C4 and FineWeb, by language.

Rae et al. 2021 (Gopher) for repetition and the look of words and lines, Raffel et al. 2020 (C4) for
what is no prose, Penedo et al. 2024 (FineWeb) for lists and menus. Each limit stands in a preset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .counted import counted
from .document import Check, Document
from .presets import Preset, check_measures, default_presets, preset_of
from .statistics import TextStatistics

LOREM_IPSUM = ("lorem ipsum", "Lorem ipsum", "Lorem Ipsum", "LOREM IPSUM")
FEW_LINES = 5  # of so few, how they end says nothing: an article may be one line, or one table


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _top(n: int) -> Callable[[TextStatistics], float]:
    return lambda s: _share(s.top_ngram_characters[n], s.word_characters + s.words)


def _repeated(n: int) -> Callable[[TextStatistics], float]:
    return lambda s: _share(s.duplicate_ngram_characters[n], s.word_characters)


def _terminal_punctuation(s: TextStatistics) -> float:
    few = s.lines <= FEW_LINES
    return 1.0 if few else _share(s.terminal_punctuation_lines, s.lines)


MEASURES: dict[str, Callable[[TextStatistics], float]] = {
    "words": lambda s: s.words,
    "stop_words": lambda s: s.distinct_stop_words,
    "mean_word_length": lambda s: _share(s.word_characters, s.words),
    "longest_word": lambda s: s.longest_word,  # characters
    "alphabetic_words": lambda s: _share(s.words_with_letter, s.words),
    "hash_ratio": lambda s: _share(s.symbols_hash, s.words),
    "ellipsis_ratio": lambda s: _share(s.ellipses, s.words),
    "bullet_lines": lambda s: _share(s.bullet_lines, s.lines),
    "ellipsis_lines": lambda s: _share(s.ellipsis_lines, s.lines),
    "duplicate_lines": lambda s: _share(s.duplicate_lines, s.lines),
    "duplicate_line_characters": lambda s: _share(s.duplicate_line_characters, s.line_characters),
    "duplicate_paragraphs": lambda s: _share(s.duplicate_paragraphs, s.paragraphs),
    "duplicate_paragraph_characters": lambda s: _share(
        s.duplicate_paragraph_characters, s.line_characters
    ),
    **{f"top_{n}gram": _top(n) for n in (2, 3, 4)},  # shares of the words' characters
    **{f"duplicate_{n}gram": _repeated(n) for n in range(5, 11)},
    "sentences": lambda s: s.sentences,
    "curly_brackets": lambda s: s.curly_brackets,
    "terminal_punctuation_lines": _terminal_punctuation,
    "short_lines": lambda s: _share(s.short_lines, s.lines),
    "newline_ratio": lambda s: _share(s.newlines, s.words),
}
RULES = ("lorem_ipsum", *MEASURES)


@dataclass(frozen=True)
class Quality:
    """Holds a document against the preset of its language; the neutral one where it has none."""

    presets: dict[str, Preset] = field(default_factory=default_presets)
    name: str = "quality"

    def __post_init__(self):
        check_measures(self.presets, "quality", RULES)

    def checks(self, document: Document) -> Iterator[Check]:
        preset = preset_of(self.presets, document.language)
        if limit := preset.quality.get("lorem_ipsum"):
            found = sum(map(document.text.count, LOREM_IPSUM))
            yield Check(f"{self.name}.lorem_ipsum", found, *limit)
        statistics = counted(document.text, preset.stop_words)
        yield from quality_checks(statistics, preset, self.name)


def quality_checks(
    statistics: TextStatistics, preset: Preset, name: str = "quality"
) -> Iterator[Check]:
    """The rules of a preset over the statistics of a text, in the order of MEASURES."""
    for rule, measure in MEASURES.items():
        if limit := preset.quality.get(rule):
            yield Check(f"{name}.{rule}", measure(statistics), *limit)
