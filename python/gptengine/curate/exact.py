"""Exact duplicates: of documents, of paragraphs and of lines, by 128-bit hashes.

Texts are equal if they differ in white space alone. Hashes are sorted in as much memory as is
given, so there may be any number of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator

import numpy as np

from .. import _core

UNITS = ("line", "paragraph")
CHUNK = 1 << 16  # duplicates that are handed out at a time


def text_hashes(texts: Iterable[str | bytes]) -> np.ndarray:
    """Hash texts, on all threads: (N, 2) uint64."""
    return _core.text_hashes(list(texts))


def text_parts(text: str, unit: str) -> tuple[np.ndarray, np.ndarray]:
    """The parts of a text, (n, 2) int64, and their hashes, (n, 2) uint64.

    A part is its first line and the line after its last, counted as text.split("\\n") does. A unit
    is "line", for each that is not blank, or "paragraph", for each longest run of these.
    """
    if unit not in UNITS:
        raise ValueError(f"text_parts: unit {unit!r} is none of {', '.join(UNITS)}")
    return _core.text_parts(text, unit == "paragraph")


def without_parts(text: str, parts: np.ndarray, dropped: Collection[int]) -> str:
    """The text without the parts of those numbers, and without the blank lines after each."""
    if not dropped:
        return text
    lines = text.split("\n")
    keep = np.ones(len(lines), bool)
    starts = [*parts[1:, 0].tolist(), len(lines)]
    for part in dropped:
        keep[parts[part, 0] : starts[part]] = False
    kept = "\n".join(line for line, stays in zip(lines, keep, strict=True) if stays)
    return kept if keep[-1] else kept.rstrip()


def duplicates(
    chunks: Iterable[tuple[np.ndarray, np.ndarray]],
    *,
    memory_bytes: int = 1 << 28,
    folder: str | None = None,
) -> Iterator[np.ndarray]:
    """Of hashes (n, 2) uint64 with numbers (n,) uint64, chunk by chunk, those that are not first.

    Yields (m, 2) uint64: a number, and the lowest number of the same hash, which is kept. So
    numbers are ranks: a document's place in the order of keeping, or for parts that and the place
    in the document. They come sorted by hash and number, which does not depend on the chunks. What
    is sorted beyond memory_bytes goes to a nameless file in `folder`, 24 bytes a hash.
    """
    found = _core.Duplicates(memory_bytes, folder or tempfile.gettempdir())
    for hashes, numbers in chunks:
        found.add(hashes, np.ascontiguousarray(numbers, np.uint64))
    while len(some := found.take(CHUNK)):
        yield some
