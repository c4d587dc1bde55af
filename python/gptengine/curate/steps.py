"""What a document goes through between reading and comparing, in order: transforms and filters."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from .bad_words import BadWords, default_words, load_words
from .decontaminate import LEAST_WORDS, Decontaminate, index
from .document import Change, Check, Document, Filter, Loss, Transform
from .host_lines import HostLines
from .language import LanguageFilter, check_installed
from .licence import Licences
from .perplexity import Perplexity, load
from .personal import Personal
from .policy_lines import PolicyLines
from .presets import default_presets, load_preset
from .quality import Quality
from .readers import ReadOptions, read_file
from .recipe import Recipe, find_files
from .spam import Spam
from .step_settings import Decontamination
from .urls import Urls, read_addresses

HOST_LINES, MODEL = "host_lines.npy", "model-"  # in the folder of what was learned

Seen = Callable[[Filter | Transform, Check | Change], None]


def build_steps(recipe: Recipe, name: str, base, learned) -> list[Filter | Transform]:
    """The steps of source `name`, ready for use; ValueError names a list or preset that is wrong.

    base: the folder that the recipe's paths start from. learned: the folder of what was learned
    from all texts, or None where nothing has to be.
    """
    recipe = recipe.for_source(name)
    at = lambda paths: [Path(base) / path for path in paths]
    presets = default_presets()
    if recipe.quality:
        own = map(load_preset, at(recipe.quality.presets))
        presets |= {preset.language: preset for preset in own}
    steps: list[Filter | Transform] = []
    if recipe.urls:
        lists = (read_addresses(*at(recipe.urls.blocked)), read_addresses(*at(recipe.urls.allowed)))
        steps.append(Urls(*lists))
    allowed = recipe.sources[name].licences
    if recipe.licences or allowed:
        rules = recipe.licences
        opted_out = read_addresses(*at(rules.opted_out)) if rules else read_addresses()
        patterns = {name: allowed} if allowed else {}
        steps.append(Licences(patterns, opted_out, bool(rules and rules.heed_robots)))
    if recipe.languages:
        steps.append(LanguageFilter(recipe.languages.wanted, recipe.languages.confidence))
    steps += _of_lines(recipe, presets, learned)
    if recipe.quality:
        steps.append(Quality(presets))
    if recipe.spam:
        steps.append(Spam(presets))
    if recipe.bad_words:
        words = default_words()
        for language, paths in recipe.bad_words.lists.items():
            words[language] = words.get(language, frozenset()) | load_words(*at(paths))
        steps.append(BadWords(words, recipe.bad_words.most))
    steps += _learned(recipe, name, base, learned)
    if recipe.personal:
        steps.append(Personal())
    return steps


def check_steps(recipe: Recipe, base) -> None:
    """Refuse, before any work, lists, presets and sets that are wrong, and packages that miss."""
    before = dataclasses.replace(recipe, host_lines=None, perplexity=None)
    for name, source in recipe.sources.items():
        build_steps(before, name, base, None)
        if recipe.for_source(name).languages and not source.language:
            check_installed()


def _of_lines(recipe: Recipe, presets, learned) -> list[Transform]:
    steps: list[Transform] = []
    if recipe.host_lines:
        steps.append(HostLines(np.load(learned / HOST_LINES), recipe.host_lines))
    return steps + [PolicyLines(presets)] * recipe.policy_lines


def _learned(recipe: Recipe, name: str, base, learned) -> list[Filter]:
    steps: list[Filter] = []
    if (rules := recipe.perplexity) and recipe.sources[name].tier != "curated":
        models = {p.stem.removeprefix(MODEL): load(p) for p in sorted(learned.glob(f"{MODEL}*"))}
        steps.append(Perplexity(models, rules.lower, rules.upper, rules.slack))
    if rules := recipe.decontamination:
        files = find_files(rules.path, base)
        sets = {os.path.relpath(f, base): list(evaluation_texts(f, rules)) for f in files}
        least = min(LEAST_WORDS, rules.words)
        steps.append(Decontaminate(index(sets, rules.words, least)))
    return steps


def evaluation_texts(path: str, rules: Decontamination) -> Iterator[str]:
    """The texts of an evaluation set; what cannot be read of it is a ValueError."""
    for name in rules.fields:
        for item in read_file(path, ReadOptions(field=name)):
            if isinstance(item, Loss):
                raise ValueError(f"decontamination: {item.where}: {item.reason}: {item.detail}")
            yield item.content


def pass_through(
    steps, document: Document, see: Seen, seconds: dict[str, float] | None = None
) -> tuple[Document, Check | None]:
    """The document after the steps, or after the one whose check it did not pass, and that check.

    see: is told every check and change. seconds: gets what each step takes.
    """
    for step in steps:
        begin = time.thread_time()
        failed = None
        if hasattr(step, "change"):
            change = step.change(document)
            see(step, change)
            if change.text != document.text:
                document = dataclasses.replace(document, text=change.text)
            if not change.text or change.text.isspace():
                failed = Check(f"{step.name}.empty", 0, least=1)
        else:
            for check in step.checks(document):
                see(step, check)
                if not check.passed:
                    failed = check
                    break
        if seconds is not None:
            seconds[step.name] = seconds.get(step.name, 0) + time.thread_time() - begin
        if failed:
            return document, failed
    return document, None
