"""Which of many phrases may stand in a text: one pass, before each is looked for on its own."""

from __future__ import annotations

import functools

from .. import _core


def likely(text: str, phrases: tuple[str, ...]) -> list[str]:
    """Those of some lower-case phrases that may be in the lower case of a text, in their order.

    All that are in it; others only where letters fold alike, such as s and the long s.
    """
    return [phrases[i] for i in _prepared(phrases).find(text)] if phrases else []


@functools.lru_cache(maxsize=64)
def _prepared(phrases: tuple[str, ...]) -> _core.PhraseSet:
    """Kept beside the rules, not in them: they travel to other processes as plain values."""
    return _core.PhraseSet([phrase.encode() for phrase in phrases])
