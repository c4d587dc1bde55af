"""Lines about cookies, scripts and terms are taken out of a page: the line rules of C4.

Raffel et al. 2020 drop any line that says "javascript"; that takes the sentences out of a guide to
it, so here a line has to ask for it. A long line is a paragraph that mentions a policy: it stays.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .document import Change, Document
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
        folded = text.lower()
        phrases = preset_of(self.presets, document.language).policy_lines
        found = [phrase for phrase in phrases if phrase in folded]
        if not found:
            return Change(text, {})
        lines = text.split("\n")
        kept = [line for line in lines if not self._about_policy(line, found)]
        if len(kept) == len(lines):
            return Change(text, {})
        return Change("\n".join(kept), {f"{self.name}.line": len(lines) - len(kept)})

    def _about_policy(self, line: str, phrases: list[str]) -> bool:
        if len(line) > self.longest:
            return False
        folded = line.lower()
        return any(phrase in folded for phrase in phrases)
