"""Where personal data may begin in a text, found by the engine in one pass."""

from __future__ import annotations

from typing import NamedTuple

from gptengine import _core


class Places(NamedTuple):
    """Offsets in bytes, ascending, of what cpp/text/personal_places.h says."""

    at_signs: list[int]
    spelled: list[int]
    colons: list[int]
    schemes: list[int]
    paths: list[int]
    ibans: list[int]
    groups: list[int]  # begin and end in turn


def find_places(data: bytes) -> Places:
    """All places of UTF-8, valid or not."""
    return Places(*_core.personal_places(data))
