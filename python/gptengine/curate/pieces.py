"""Extremely long texts in pieces: cut between paragraphs, else lines, sentences, words."""

from __future__ import annotations

import collections
import dataclasses
import re
from collections.abc import Iterator

from .document import Document, document_id

# From the best place to the worst; what a pattern matches is left out between two pieces.
BORDERS = (
    re.compile(r"\n[^\S\n]*\n\s*"),
    re.compile(r"\n\s*"),
    re.compile(r"(?<=[.!?…。！？])[\"'“”’»)]*(\s+)"),
    re.compile(r"\s+"),
)
LOOKED_BACK = 0.5  # the share of a piece within which a better border is preferred


def split_text(text: str, most: int) -> Iterator[str]:
    """Pieces of at most `most` characters; together they are the text but for space between."""
    if most < 1:
        raise ValueError(f"pieces of at most {most} characters: it must be at least 1")
    start = 0
    while len(text) - start > most:
        end, after = _border(text, start, start + most)
        yield text[start:end]
        start = after
    if start < len(text) or not text:
        yield text[start:]


def split_document(document: Document, most: int) -> list[Document]:
    """The document itself, or its pieces, whose ids derive from its own and their number."""
    if len(document.text) <= most:
        return [document]
    return [
        dataclasses.replace(
            document,
            id=document_id(document.source, f"{document.id}#{number}", ""),
            text=piece,
            meta={**document.meta, "piece_of": document.id, "piece": number},
        )
        for number, piece in enumerate(split_text(document.text, most))
    ]


def _border(text: str, start: int, limit: int) -> tuple[int, int]:
    """Where the piece from `start` ends, and where the next begins."""
    earliest = start + max(1, int((limit - start) * LOOKED_BACK))
    for pattern in BORDERS:
        found = collections.deque(pattern.finditer(text, earliest, limit + 1), maxlen=1)
        if found:
            last = found[0]
            group = 1 if pattern.groups else 0
            return last.start(group), _over_space(text, last.end())
    return limit, limit


def _over_space(text: str, place: int) -> int:
    """Past the rest of a space that goes on behind the limit."""
    while place < len(text) and text[place].isspace():
        place += 1
    return place
