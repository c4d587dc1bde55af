"""The limits and lists of words that rules hold a language's texts against, with their sources."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from gptengine.files import read_json

FOLDER = Path(__file__).parent
NEUTRAL = "neutral"  # what holds for a language that has no preset


class Limit(NamedTuple):
    """A rule is passed if least <= value <= most."""

    least: float = float("-inf")
    most: float = float("inf")


@dataclass(frozen=True)
class Preset:
    """What one language's texts are held against; a rule without a limit is not held."""

    language: str  # ISO 639-1, empty of the neutral one
    stop_words: frozenset[str]  # the words that any prose has
    quality: dict[str, Limit]  # by the name of the measure
    policy_lines: tuple[str, ...]  # lower-case phrases of lines about cookies, scripts and terms
    spam: dict[str, Limit]
    spam_phrases: tuple[str, ...]  # lower-case phrases of shops and baits

    def changed(self, quality=None, spam=None) -> Preset:
        """This preset with other limits: {"words": (20, 5000), "curly_brackets": None}.

        None takes a rule away.
        """
        return dataclasses.replace(
            self,
            quality=_changed(self.quality, quality or {}),
            spam=_changed(self.spam, spam or {}),
        )


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def default_presets() -> dict[str, Preset]:
    """All presets that come with the package, by language; "" has the neutral one."""
    return {preset.language: preset for preset in map(load_preset, names())}


@functools.cache
def load_preset(name: str | os.PathLike) -> Preset:
    """A preset by its name ("en", "de", "neutral"), or from a JSON file of the same form.

    ValueError says what is wrong with it, and where.
    """
    path = Path(name)
    if path.suffix != ".json":
        path = FOLDER / f"{name}.json"
        if not path.is_file():
            raise ValueError(f"no preset {str(name)!r}: there are {', '.join(names())}")
    values = read_json(path)
    _known(path, "keys", values, ("language", "stop_words", "quality", "policy_lines", "spam"))
    spam = values.get("spam", {})
    _known(path, "keys of spam", spam, ("limits", "phrases"))
    return Preset(
        language=values.get("language", ""),
        stop_words=frozenset(values.get("stop_words", "").split()),
        quality=_limits(path, values.get("quality", {})),
        policy_lines=_phrases(path, values.get("policy_lines", ())),
        spam=_limits(path, spam.get("limits", {})),
        spam_phrases=_phrases(path, spam.get("phrases", ())),
    )


def preset_of(presets: dict[str, Preset], language: str) -> Preset:
    """The preset of a language, or the neutral one where it has none."""
    return presets[language] if language in presets else presets[""]


def check_measures(presets: dict[str, Preset], part: str, measures) -> None:
    """Refuse presets without a neutral one, or with limits of measures that there are not."""
    if "" not in presets:
        raise ValueError(f"presets for {', '.join(presets)}: the neutral one, '', is missing")
    for language, preset in presets.items():
        _known(f"preset {language or NEUTRAL}", part, getattr(preset, part), tuple(measures))


def _limits(path: Path, values: dict) -> dict[str, Limit]:
    limits = {}
    for name, value in values.items():
        _known(path, f"keys of {name}", value, ("least", "most", "source"))
        limits[name] = Limit(**{key: value[key] for key in ("least", "most") if key in value})
    return limits


def _phrases(path: Path, phrases: list[str]) -> tuple[str, ...]:
    if "" in phrases:
        raise ValueError(f"{path}: an empty phrase, which is in every text")
    return tuple(phrase.lower() for phrase in phrases)


def _changed(limits: dict[str, Limit], changes: dict) -> dict[str, Limit]:
    changes = {name: value and Limit(*value) for name, value in changes.items()}
    return {name: value for name, value in (limits | changes).items() if value is not None}


def _known(where, what: str, given, known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise ValueError(f"{where}: {name!r} is not among the {what}: {hint}")
