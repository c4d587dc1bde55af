"""Lines about cookies, scripts and terms are taken out of a page: the line rules of C4.

Raffel et al. 2020 drop any line that says "javascript"; that takes the sentences out of a guide to
it, so here a line has to ask for it. A long line is a paragraph that mentions a policy: it stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .document import Change, Document
from .phrases import likely
from .presets import Preset, default_presets, preset_of

LONGEST = 300  # characters of a line that is dropped


@dataclass(frozen=True)
class PolicyLines:
    """Drops the lines that hold a phrase of the language's preset."""

    presets: dict[str, Preset] = field(default_factory=default_presets)
    longest: int = LONGEST
    name: str = "policy_lines"

    def change(self, document: Document) -> Change:
        text = document.text
        preset = preset_of(self.presets, document.language)
        found = likely(text, preset).intersection(preset.policy_lines)
        if not found:
            return Change(text, {})
        lines = text.split("\n")
        kept = [
            line
            for line, folded in zip(lines, text.lower().split("\n"), strict=True)
            if len(line) > self.longest or not any(phrase in folded for phrase in found)
        ]
        if len(kept) == len(lines):
            return Change(text, {})
        return Change("\n".join(kept), {f"{self.name}.line": len(lines) - len(kept)})
