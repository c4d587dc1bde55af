"""Which of a preset's phrases may stand in a text: one pass before each is looked for alone."""

from __future__ import annotations

import functools

from .. import _core
from .presets import Preset


def likely(text: str, preset: Preset) -> frozenset[str]:
    """Those of a preset's phrases, of all its rules, that may be in the lower case of a text.

    All that are in it; others only where letters fold alike, such as s and the long s.
    """
    phrases = preset.policy_lines + preset.spam_phrases
    return _found(text, phrases) if phrases else frozenset()


@functools.lru_cache(maxsize=1)  # the rules of one document follow each other
def _found(text: str, phrases: tuple[str, ...]) -> frozenset[str]:
    return frozenset(phrases[i] for i in _prepared(phrases).find(text))


@functools.lru_cache(maxsize=64)
def _prepared(phrases: tuple[str, ...]) -> _core.PhraseSet:
    """Kept beside the rules, not in them: they travel to other processes as plain values."""
    return _core.PhraseSet([phrase.encode() for phrase in phrases])
