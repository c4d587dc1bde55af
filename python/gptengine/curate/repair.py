"""Text as it was meant: mojibake undone, NFC, nothing invisible, and one kind of line end."""

from __future__ import annotations

import re
import unicodedata

from .document import Change, Document
from .mojibake import undo

LINE_ENDS = "\x0b\x0c\x85\u2028\u2029"  # and \r
# Soft hyphens, spaces without width, byte order marks, marks of direction and annotation. Joiners
# stay, because emoji and Indic scripts mean something by them.
INVISIBLE = "\xad\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
CONTROLS = "\x00-\x08\x0e-\x1f\x7f\x80-\x9f"
ANY = re.compile(f"[{LINE_ENDS}{INVISIBLE}{CONTROLS}]")


class Repair:
    """The transform of `repair`."""

    name = "repair"

    def change(self, document: Document) -> Change:
        return repair(document.text)


def repair(text: str) -> Change:
    """The text as it was meant, and how often what was done; repaired again it stays the same.

    Counts "repair.mojibake" (spans), "repair.line_ends", "repair.invisible" and "repair.controls"
    (characters), and "repair.nfc" (1).
    """
    counts: dict[str, int] = {}
    if "\r" in text:  # in a file they are everywhere or nowhere, and part of nothing else
        counts["repair.line_ends"] = text.count("\r")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    while done := _round(text):  # what is removed may have stood between the halves of something
        text, said = done
        for reason, n in said.items():
            counts[reason] = counts.get(reason, 0) + n
    return Change(text, counts)


def _round(text: str) -> tuple[str, dict[str, int]] | None:
    """Each repair once, in the order that loses nothing; None if there was none to make."""
    said = {}
    if not text.isascii():
        text, said["repair.mojibake"] = undo(text)  # before what it spells with goes
    for one in set(ANY.findall(text)):  # of few kinds: looking for each by itself is faster
        reason, by = _what_is(one)
        said[reason] = said.get(reason, 0) + text.count(one)
        text = text.replace(one, by)
    if not unicodedata.is_normalized("NFC", text):
        text, said["repair.nfc"] = unicodedata.normalize("NFC", text), 1
    said = {reason: n for reason, n in said.items() if n}
    return (text, said) if said else None


def _what_is(one: str) -> tuple[str, str]:
    """Why a character goes, and what comes in its place."""
    if one in LINE_ENDS:
        return "repair.line_ends", "\n"
    return ("repair.controls" if one <= "\x9f" else "repair.invisible"), ""
