"""A recipe: the sources of a corpus, the steps that their texts go through, and the mixture.

    sources:
      web:   {path: crawl/*.warc.gz, tier: public, weight: 0.5}
      books: {path: books/, tier: curated, weight: 0.5, licence: CC0-1.0, max_epochs: 4}
    languages: {wanted: [de, en]}
    near: {jaccard: 0.8}
    spam: false

A step that is not named has its defaults, and `false` turns it off. docs/curate.md explains each.
"""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gptengine.options import REQUIRED, option

from .extract import ExtractOptions
from .host_lines import HostLineOptions
from .readers import ReadOptions
from .settings import from_mapping, known, plain, read_mapping
from .step_settings import (
    BadWordRules,
    Decontamination,
    Exact,
    Languages,
    LicenceRules,
    Near,
    PerplexityRules,
    Personal,
    QualityRules,
    Repair,
    SpamRules,
    Split,
    UrlRules,
)

TIERS = ("curated", "licensed", "public")  # of duplicates, the one of the first tier is kept
STEPS = (
    "repair",
    "split",
    "languages",
    "host_lines",
    "policy_lines",
    "urls",
    "licences",
    "quality",
    "spam",
    "bad_words",
    "perplexity",
    "decontamination",
    "personal",
    "exact",
    "near",
)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")


@dataclass(frozen=True)
class Source:
    """Files of one kind and origin."""

    path: tuple[str, ...] = option(REQUIRED, "files, folders and patterns such as crawl/*.warc.gz")
    tier: Literal["curated", "licensed", "public"] = option(
        "public", "how much its texts are worth: of duplicates, the better tier's is kept"
    )
    weight: float = option(1.0, "its share of the mixture's tokens; 0 leaves it out of that")
    max_epochs: float = option(1.0, "how often the mixture may repeat it")
    licence: str = option("", "of records that name none")
    licences: tuple[str, ...] = option((), "patterns of those that may be used; any, if empty")
    language: str = option("", "of all its texts, instead of one that is found out")
    extract: Literal["trafilatura", "resiliparse"] = option("trafilatura", "what reads HTML")
    format: str = option("", "of its files, where their names do not say it")
    field: str = option("", "what holds the text in JSON lines and Parquet, if not a usual name")
    html_field: str = option("", "what holds HTML there")
    skip: tuple[str, ...] = option((), "steps that its texts do not go through")

    def __post_init__(self):
        if not self.path:
            raise ValueError("path names no files")
        if not 0 <= self.weight < float("inf"):
            raise ValueError(f"weight {self.weight} must be 0 or more")
        if not 0 < self.max_epochs <= 1000:
            raise ValueError(f"max_epochs {self.max_epochs} must be above 0, at most 1000")
        for step in self.skip:
            if step not in STEPS:
                raise ValueError(f"skip: no step is called {step!r}; {known(step, STEPS)}")
        self.read_options()

    def read_options(self) -> ReadOptions:
        return ReadOptions(self.format, self.field, self.html_field)

    def extract_options(self) -> ExtractOptions:
        return ExtractOptions(self.extract)


@dataclass(frozen=True)
class Blocks:
    """How documents become training batches."""

    tokenizer: str = option("bpe", "bpe: learn one; bytes; or a tokenizer's file or folder")
    vocab_size: int = option(8192, "tokens of a learned vocabulary")
    length: int = option(2048, "tokens of a block")
    batch: int = option(64, "blocks of a batch")
    least_sources: Literal[1, 2] = option(2, "of a batch, where there are enough blocks of them")
    tokens: int = option(0, "of the whole mixture; 0: as many as the sources give")
    held_out: float = option(0.01, "share of the documents that is kept for validation")
    seed: int = option(0, "of the order of documents and blocks")

    def __post_init__(self):
        for name, least in dict(vocab_size=1, length=1, batch=1, tokens=0).items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} {getattr(self, name)} must be at least {least}")
        if not 0 <= self.held_out <= 0.5:
            raise ValueError(f"held_out {self.held_out} must be from 0 to 0.5")


@dataclass(frozen=True)
class Recipe:
    """All that decides about a run's result. A step is its settings, or None where it is off."""

    sources: dict[str, Source]
    repair: Repair | None = Repair()
    split: Split | None = Split()
    languages: Languages | None = Languages()
    host_lines: HostLineOptions | None = HostLineOptions()
    policy_lines: bool = True
    urls: UrlRules | None = UrlRules()
    licences: LicenceRules | None = LicenceRules()
    quality: QualityRules | None = QualityRules()
    spam: SpamRules | None = SpamRules()
    bad_words: BadWordRules | None = BadWordRules()
    perplexity: PerplexityRules | None = None
    decontamination: Decontamination | None = None
    personal: Personal | None = Personal()
    exact: Exact | None = Exact()
    near: Near | None = Near()
    blocks: Blocks = Blocks()
    shard_bytes: int = 64 << 20  # of text in a file of the output, about

    def __post_init__(self):
        if not self.sources:
            raise ValueError("sources: there is none")
        for name in self.sources:
            if not NAME.fullmatch(name):
                raise ValueError(
                    f"sources: {name!r} must be letters, digits, - and _: files are named after it"
                )
        if self.shard_bytes < 1:
            raise ValueError(f"shard_bytes {self.shard_bytes} must be at least 1")

    def digest(self) -> str:
        """32 hexadecimal digits of all settings, defaults written out."""
        text = json.dumps(plain(self), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def for_source(self, name: str) -> Recipe:
        """The steps that the texts of a source go through, and it alone among the sources."""
        source = self.sources[name]
        off = {step: False if step == "policy_lines" else None for step in source.skip}
        return dataclasses.replace(self, sources={name: source}, **off)


def load_recipe(recipe) -> tuple[Recipe, Path]:
    """A recipe, and the folder that its paths start from.

    recipe: a .yaml or .json file, whose folder it then is; a mapping, or a Recipe: then it is the
    current folder. ValueError names the key and the nearest known one.
    """
    if isinstance(recipe, Recipe):
        return recipe, Path()
    if isinstance(recipe, dict):
        return from_mapping(Recipe, recipe, ""), Path()
    path = Path(recipe)
    try:
        return from_mapping(Recipe, read_mapping(path), ""), path.parent
    except ValueError as error:
        raise ValueError(str(error) if str(path) in str(error) else f"{path}: {error}") from None


def find_files(patterns: tuple[str, ...], base) -> list[str]:
    """The files that a recipe's paths and patterns mean, sorted, each once."""
    found = set()
    for pattern in patterns:
        path = os.path.normpath(os.path.join(base, pattern))
        if os.path.isdir(path):
            path = os.path.join(glob.escape(path), "**", "*")
        names = [path] if os.path.isfile(path) else glob.glob(path, recursive=True)
        files = [name for name in names if os.path.isfile(name)]
        if not files:
            raise ValueError(f"{pattern}: no such file, and no folder or pattern with files")
        found.update(files)
    return sorted(found)
