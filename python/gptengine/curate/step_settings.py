"""The settings of curation's steps as a recipe names them; files are meant from its folder on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gptengine.options import REQUIRED, option


@dataclass(frozen=True)
class Repair:
    """Garbled letters, forms of letters, characters that nobody sees."""


@dataclass(frozen=True)
class Split:
    """Extremely long texts become several documents."""

    characters: int = option(200_000, "of a document, at most")

    def __post_init__(self):
        _at_least(self, characters=100)


@dataclass(frozen=True)
class Languages:
    """The language of a text is found out, and decides about the preset of rules."""

    wanted: tuple[str, ...] = option((), "codes such as de and en; any, if empty")
    confidence: float = option(0.5, "from 0 to 1; below it a text has no language")


@dataclass(frozen=True)
class UrlRules:
    """Lists of hosts and folders, one a line."""

    blocked: tuple[str, ...] = option((), "files")
    allowed: tuple[str, ...] = option((), "files; if there is one, nothing else passes")


@dataclass(frozen=True)
class LicenceRules:
    """What may not be used."""

    opted_out: tuple[str, ...] = option((), "files of hosts whose owners do not want it")
    heed_robots: bool = option(True, "leave out pages that say noai or reserve text mining")


@dataclass(frozen=True)
class QualityRules:
    """The rules of Gopher, C4 and FineWeb, with the limits of the language's preset."""

    presets: tuple[str, ...] = option((), "JSON files that replace presets, by their language")


@dataclass(frozen=True)
class SpamRules:
    """Bait for search engines, with the limits of the language's preset."""


@dataclass(frozen=True)
class BadWordRules:
    """Words of the language's list."""

    most: float = option(5.0, "in 1,000 words")
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)  # files, beside the package's


@dataclass(frozen=True)
class PerplexityRules:
    """How odd a text is to a small model of the curated tier, by language; see perplexity.py."""

    lower: float = option(0.001, "share of curated text that is at most as predictable")
    upper: float = option(0.99, "share of curated text that is at most as odd")
    slack: float = option(6.0, "times beyond these, from which on a text is dropped")
    words: int = option(20_000_000, "of curated text that are learned from, of each language")

    def __post_init__(self):
        _at_least(self, words=1)


@dataclass(frozen=True)
class Personal:
    """Personal data is masked."""


@dataclass(frozen=True)
class Exact:
    """Copies of documents, and of paragraphs and lines that long."""

    document: bool = option(True, "of two documents with the same words, the better is kept")
    paragraph: int = option(0, "characters from which on a paragraph is kept once; 0: all stay")
    line: int = option(0, "the same for lines")


@dataclass(frozen=True)
class Near:
    """Documents that say nearly the same: MinHash, verified."""

    jaccard: float = option(0.8, "share of word sequences in common, from which on")
    bands: int = option(14, "of the signature")
    rows: int = option(8, "of a band")
    words: int = option(5, "of a sequence")
    scope: Literal["all", "source"] = option("all", "where copies are looked for")


@dataclass(frozen=True)
class Decontamination:
    """Texts that hold parts of evaluation sets are dropped."""

    path: tuple[str, ...] = option(REQUIRED, "files, folders and patterns; a file is a set")
    fields: tuple[str, ...] = option(("",), "what holds their texts, if not a usual name")
    words: int = option(13, "of a sequence that is a part")

    def __post_init__(self):
        _at_least(self, words=1)


def _at_least(settings, **least: int) -> None:
    for name, smallest in least.items():
        value = getattr(settings, name)
        if value < smallest:
            raise ValueError(f"{name} {value} must be at least {smallest}")
