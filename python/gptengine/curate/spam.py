"""Spam and bait for search engines: stuffed keywords, lists of them, link farms, shop talk.

Each rule is a number that prose keeps low, with its limit in the language's preset. All of it is
counted on the beginning of a long text: a page that is bait begins with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .. import _core
from .counted import counted
from .document import Check, Document
from .phrases import likely
from .presets import Preset, check_measures, default_presets, preset_of
from .statistics import TextStatistics

LOOKED_AT = 50_000  # characters of a text
FEW_WORDS = 80  # of so few, a name said thrice is a large share
OPENINGS = "{[%"  # what each begins with
PLACEHOLDER = re.compile(
    r"\{\{? ?(?:keyword|city|stadt|ort|name|product|produkt|region|service|brand|marke|title)s?"
    r" ?\}?\}|[\[%](?:keyword|city|stadt|ort|product|produkt|region|brand|marke)[\]%]"
    r"|\{[^{}|\n]{1,40}(?:\|[^{}|\n]{1,40}){2,20}\}",  # and spintax: {cheap|affordable|low cost}
    re.IGNORECASE,
)
RULES = (
    "placeholders",  # fields of a template that nothing was put into
    "link_density",  # addresses a word
    "top_word",  # share of the most frequent word
    "top_pair",  # share of the words' characters in the most frequent pair of words
    "function_words",  # share of the words that any prose has
    "keyword_lists",  # share of the characters in lines that are lists
    "phrases",  # of shops and baits, in 1,000 words
)


@dataclass(frozen=True)
class Spam:
    """Holds a document against the spam limits of its language's preset."""

    presets: dict[str, Preset] = field(default_factory=default_presets)
    name: str = "spam"

    def __post_init__(self):
        check_measures(self.presets, "spam", RULES)

    def checks(self, document: Document) -> Iterator[Check]:
        preset = preset_of(self.presets, document.language)
        text = document.text[:LOOKED_AT]
        statistics = counted(text, preset.stop_words)
        for rule in RULES:
            if limit := preset.spam.get(rule):
                value, note = _measure(rule, document, text, statistics, preset)
                yield Check(f"{self.name}.{rule}", value, *limit, note)


def _measure(
    rule: str, document: Document, text: str, s: TextStatistics, preset: Preset
) -> tuple[float, str]:
    words, characters = max(s.words, FEW_WORDS), max(s.word_characters + s.words, 6 * FEW_WORDS)
    if rule == "placeholders":
        found = placeholders(text)
        return len(found), ", ".join(found[:3])
    if rule == "link_density":
        return s.urls / words, ""
    if rule == "top_word":
        return s.top_word_count / words, ""
    if rule == "top_pair":
        return s.top_ngram_characters[2] / characters, ""
    if rule == "function_words":
        return (s.stop_words / s.words if s.words else 0.0), ""
    if rule == "keyword_lists":
        return list_share(text), ""
    some = likely(document.text, preset)
    found = phrases(text, tuple(p for p in preset.spam_phrases if p in some))
    return 1000 * sum(found.values()) / words, ", ".join(found)


def placeholders(text: str) -> list[str]:
    """The fields of templates in a text; what begins none is not tried."""
    found, end = [], 0
    for at in sorted(at for sign in OPENINGS for at in _places(text, sign)):
        if at >= end and (field := PLACEHOLDER.match(text, at)):
            found.append(field[0])
            end = field.end()
    return found


def _places(text: str, sign: str) -> Iterator[int]:
    at = text.find(sign)
    while at >= 0:
        yield at
        at = text.find(sign, at + 1)


def list_share(text: str) -> float:
    """The share of a text's characters in lines of many short items between separators."""
    total, inside = _core.list_lines(text)
    return inside / total if total else 0.0


def phrases(text: str, wanted: tuple[str, ...]) -> dict[str, int]:
    """How often each of the lower-case phrases stands in a text, as whole words."""
    found = {}
    folded = ""
    for phrase in wanted:
        folded = folded or text.lower()
        bounds = (r"\b" * phrase[0].isalnum(), r"\b" * phrase[-1].isalnum())
        whole = re.compile(bounds[0] + re.escape(phrase) + bounds[1])
        count = end = 0
        for at in _places(folded, phrase):
            if at >= end and whole.match(folded, at):
                count += 1
                end = at + len(phrase)
        if count:
            found[phrase] = count
    return found
