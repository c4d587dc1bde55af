"""Lines that repeat across a host's pages: menus, notices and footers that no page alone shows.

Each page gives the hash of (host, line) once for each line; a reduction counts in how many pages
each occurs, and what occurs in too many is dropped. Memory is bounded: hashes are sorted in runs on
disk and merged, and only those of repeated lines stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from gptengine.files import atomic_write, folder_in_use
from gptengine.options import check_sizes, option

from .. import _core
from .document import Change, Document

DIGITS = re.compile(r"\d+")
BLOCK = 1 << 16  # hashes of a run that are read at a time


@dataclass(frozen=True)
class HostLineOptions:
    """Which lines count as a host's furniture."""

    most_documents: int = option(
        4, "pages of one host that a line may be in; it goes from all else"
    )
    longest: int = option(300, "characters of a line; a longer one is text and stays")

    def __post_init__(self):
        check_sizes("host lines", self, most_documents=1, longest=1)


def host_of(url: str) -> str:
    """The host of an address in lower case without www.; "" where there is none."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""
    return host.removeprefix("www.")


def line_hashes(host: str, text: str, longest: int) -> np.ndarray:
    """(lines,) uint64, of a host and each of text.split("\\n"); case, numbers and space aside.

    0 for a line without letters or of more than `longest` characters.
    """
    hashes, exact = _core.line_hashes(text, host, longest)
    if not exact:
        folded = DIGITS.sub("0", text.casefold())
        hashes, _ = _core.line_hashes(folded, host, len(folded))
        hashes[[len(line) > longest for line in text.split("\n")]] = 0
    return hashes


def page_hashes(document: Document, options: HostLineOptions) -> np.ndarray:
    """The hashes of a page's lines, each once, sorted: uint64 (N,); none without a host."""
    host = host_of(document.url)
    if not host:
        return np.zeros(0, np.uint64)
    hashes = np.unique(line_hashes(host, document.text, options.longest))
    return hashes[hashes != 0]


def write_run(path: Path, pages: Iterable[np.ndarray]) -> None:
    """The hashes of some pages with in how many each is, sorted, as one file: uint64 (N, 2)."""
    hashes = np.concatenate([np.zeros(0, np.uint64), *pages])
    counted = np.stack(np.unique(hashes, return_counts=True), axis=1, dtype="<u8", casting="unsafe")
    with folder_in_use(Path(path).parent):
        atomic_write(path, counted.tobytes())


def repeated(runs: Iterable[Path], options: HostLineOptions) -> np.ndarray:
    """The hashes in more than `most_documents` pages of all runs, sorted: uint64 (N,).

    Independent of how the pages were put into runs. Holds a block of each run and the result.
    """
    found = [
        hashes[counts > options.most_documents]
        for hashes, counts in _merged([_Run(path) for path in sorted(map(str, runs))])
    ]
    return np.concatenate([np.zeros(0, np.uint64), *found])


class _Run:
    """A sorted file, of which a block is in memory."""

    def __init__(self, path: str):
        size = Path(path).stat().st_size
        if size % 16:
            raise ValueError(f"{path}: {size} bytes are no whole number of hashes and counts")
        self._rest = np.memmap(path, "<u8", "r").reshape(-1, 2) if size else np.zeros((0, 2), "<u8")

    def next_end(self) -> int | None:
        """The largest hash of the block that comes next, None at the end."""
        block = self._rest[:BLOCK]
        return int(block[-1, 0]) if len(block) else None

    def take_to(self, end: int) -> np.ndarray:
        """All hashes up to `end`, itself among them, and their counts: at most a block."""
        n = int(np.searchsorted(self._rest[:BLOCK, 0], np.uint64(end), "right"))
        taken, self._rest = self._rest[:n], self._rest[n:]
        return taken


def _merged(runs: list[_Run]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each hash once with its count in all runs, in ascending blocks."""
    while ends := [end for run in runs if (end := run.next_end()) is not None]:
        taken = np.concatenate([run.take_to(min(ends)) for run in runs])
        taken = taken[np.argsort(taken[:, 0], kind="stable")]
        first = np.flatnonzero(np.diff(taken[:, 0], prepend=taken[0, 0] ^ np.uint64(1)))
        yield taken[first, 0], np.add.reduceat(taken[:, 1], first)


@dataclass(frozen=True)
class HostLines:
    """The transform that drops a host's repeated lines."""

    hashes: np.ndarray  # of `repeated`
    options: HostLineOptions = HostLineOptions()
    name: str = "host_lines"

    def change(self, document: Document) -> Change:
        host = host_of(document.url)
        if not host or not len(self.hashes):
            return Change(document.text, {})
        lines = document.text.split("\n")
        keys = line_hashes(host, document.text, self.options.longest)
        places = np.searchsorted(self.hashes, keys)
        found = self.hashes[np.minimum(places, len(self.hashes) - 1)] == keys
        if not found.any():
            return Change(document.text, {})
        kept = "\n".join(line for line, gone in zip(lines, found, strict=True) if not gone)
        return Change(kept.strip("\n"), {"host_lines.repeated": int(found.sum())})
