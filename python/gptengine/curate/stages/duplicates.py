"""Stage 4: which of the documents are copies, and of what; one task over all of them.

Of copies the first is kept: by tier, then the longer text, then id. Memory is some 80 bytes a
document, and what sorting is given; signatures are mapped.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..document import Check
from ..exact import duplicates
from ..near import NearOptions, near_groups
from ..recipe import Exact, Near
from ..settings import from_mapping
from ..store import INDEX_FILE, from_line, read_rows
from ..tally import SAMPLES, Tally, histogram, rule_key
from .filter import PART, sample

KEPT, EXACT, NEAR = 0, 1, 2
REASONS = {EXACT: "exact.document", NEAR: "near.jaccard"}
DECISION = np.dtype([("why", "u1"), ("keeper", "S32"), ("jaccard", "<f4")])
CUT = np.dtype([("row", "<u4"), ("first", "<u4"), ("end", "<u4"), ("line", "?")])
PLACE_BITS = 24  # of a number for the place of a part in its document's list of parts


def decide(folder: Path, work: Path, memory: str, *, parts, sources, exact, near, skip) -> None:
    """Decisions 00000.npy, ... (N,) of DECISION a part, and cuts 00000-cuts.npy (n,) of CUT.

    parts: folders below `work` that `filter_part` wrote; sources: the source of each. skip: steps
    that a source does not go through. memory: bytes for sorting.
    """
    memory = int(memory)
    exact = from_mapping(Exact, exact, "exact") if exact else None
    near = from_mapping(Near, near, "near") if near else None
    table = Table([work / part for part in parts], sources)
    scratch, tally = str(folder), Tally()
    compares = lambda step: table.of([s for s in table.names if step not in skip[s]])
    if exact and exact.document:
        exact_copies(table, compares("exact"), memory, scratch)
        tally.sizes["exact"] = cluster_sizes(table.keeper, table.why == EXACT)
    if near:
        rows = compares("near")
        groups = [rows] if near.scope == "all" else [table.of([s], rows) for s in table.names]
        for group in groups:
            near_copies(table, group[table.why[group] == KEPT], near, memory, folder)
        tally.sizes["near"] = cluster_sizes(table.keeper, table.why == NEAR)
        jaccards = table.jaccard[table.why == NEAR]
        tally.values[rule_key("near.jaccard", -np.inf, near.jaccard)] = histogram(jaccards)
    cuts = [
        (kind == "line", part_copies(table, kind, memory, scratch))
        for kind in ("paragraph", "line")
        if exact and getattr(exact, kind)
    ]
    table.count(tally, near)
    table.save(folder, cuts)
    (folder / "tally.json").write_bytes(tally.to_json())


class Table:
    """All documents as columns, in the order of parts; `rank` is the order of worth."""

    def __init__(self, folders: list[Path], sources: list[str]):
        indices = [np.load(f / INDEX_FILE) for f in folders]
        compared = [np.load(f / "compare.npy") for f in folders]
        self.folders, self.names = folders, sorted(set(sources))
        self.first = np.cumsum([0] + [len(i) for i in indices])
        column = lambda found, name: np.concatenate([f[name] for f in found])
        self.id, self.hash = column(indices, "id"), column(compared, "hash")
        self.bytes = column(compared, "bytes")
        owners = [self.names.index(s) for s in sources]
        self.source = np.repeat(np.array(owners, np.int32), np.diff(self.first))
        keys = (
            column(compared, "line"),
            self.id,
            -column(compared, "quality"),
            column(compared, "tier"),
        )
        self.order = np.lexsort(keys)  # rank -> row
        self.rank = np.empty_like(self.order)
        self.rank[self.order] = np.arange(len(self.order))
        self.why = np.zeros(len(self.id), np.uint8)
        self.keeper = np.arange(len(self.id))
        self.jaccard = np.zeros(len(self.id), np.float32)

    def of(self, sources: list[str], rows: np.ndarray | None = None) -> np.ndarray:
        """The rows, or those of some, whose documents are of these sources."""
        rows = np.arange(len(self.id)) if rows is None else rows
        return rows[np.isin(self.source[rows], [self.names.index(s) for s in sources])]

    def drop(self, why: int, rows: np.ndarray, keepers: np.ndarray, jaccard=1.0) -> None:
        self.why[rows], self.keeper[rows], self.jaccard[rows] = why, keepers, jaccard

    def count(self, tally: Tally, near: Near | None) -> None:
        """The drops into the tally, with samples beside what was kept in their place."""
        for why, reason in REASONS.items():
            rows = np.flatnonzero(self.why == why)
            for owner, name in enumerate(self.names):
                mine = rows[self.source[rows] == owner]
                if len(mine):
                    size = int(self.bytes[mine].sum())
                    tally.reasons.setdefault(name, {})[reason] = [len(mine), size]
            for row in sorted(rows.tolist(), key=lambda r: (self.id[r], r))[:SAMPLES]:
                limit = near.jaccard if near and why == NEAR else 1.0
                check = Check(reason, float(self.jaccard[row]), most=limit)
                shown = sample(self.document(row), check)
                kept = self.document(int(self.keeper[row]))
                shown["keeper"], shown["keeper_text"] = kept.id, sample(kept, check)["text"]
                tally.sample(reason, self.id[row].decode(), shown)

    def document(self, row: int):
        part = int(np.searchsorted(self.first, row, "right")) - 1
        return from_line(next(read_rows(self.folders[part], [row - self.first[part]])))

    def save(self, folder: Path, cuts) -> None:
        for part, (a, b) in enumerate(zip(self.first[:-1], self.first[1:], strict=True)):
            decisions = np.zeros(b - a, DECISION)
            decisions["why"], decisions["jaccard"] = self.why[a:b], self.jaccard[a:b]
            decisions["keeper"] = self.id[self.keeper[a:b]]
            np.save(folder / f"{part:05d}.npy", decisions)
            mine = [np.zeros(0, CUT)]
            for is_line, by_part in cuts:
                found = np.zeros(len(by_part.get(part, ())), CUT)
                if len(found):
                    for name in ("row", "first", "end"):
                        found[name] = by_part[part][name]
                    found["line"] = is_line
                mine.append(found)
            np.save(folder / f"{part:05d}-cuts.npy", np.concatenate(mine))


def exact_copies(table: Table, rows: np.ndarray, memory: int, scratch: str) -> None:
    """Drop those of the rows whose text a row of a better rank has too."""
    found = duplicates(
        [(np.ascontiguousarray(table.hash[rows]), table.rank[rows].astype(np.uint64))],
        memory_bytes=memory,
        folder=scratch,
    )
    for pairs in found:
        copy, kept = table.order[pairs.astype(np.int64)].T
        table.drop(EXACT, copy, kept)


def near_copies(table: Table, rows: np.ndarray, near: Near, memory: int, folder: Path) -> None:
    """Drop those of the rows that are nearly what a row of a better rank is."""
    if not len(rows):
        return
    places = near.bands * near.rows
    path = folder / "signatures.tmp"
    with open(path, "wb") as file:  # a full disk says so here: it would kill who writes to a map
        os.posix_fallocate(file.fileno(), 0, 4 * len(rows) * places)
    signatures = np.memmap(path, np.uint32, "r+", shape=(len(rows), places))
    for part, source in enumerate(table.folders):
        mine = slice(*np.searchsorted(rows, table.first[part : part + 2]))
        if mine.stop > mine.start:
            of_part = np.load(source / "signatures.npy", mmap_mode="r")
            signatures[mine] = of_part[rows[mine] - table.first[part]]
    options = NearOptions(near.jaccard, near.bands, near.rows, near.words)
    order = np.argsort(table.rank[rows])
    found = near_groups(signatures, order, options, memory_bytes=memory, folder=str(folder))
    keeper = found.keeper
    jaccard = np.zeros(len(rows), np.float32)
    jaccard[found.pairs[:, 1]] = found.jaccard  # a text that is dropped joined by one pair
    dropped = np.flatnonzero(keeper != np.arange(len(rows)))
    table.drop(NEAR, rows[dropped], rows[keeper[dropped]], jaccard[dropped])
    del signatures
    path.unlink()


def part_copies(table: Table, kind: str, memory: int, scratch: str) -> dict[int, np.ndarray]:
    """By part, the paragraphs or lines that a document of a better rank has as well."""
    cut: dict[int, list] = {}
    numbers = _numbered(table, kind)
    for pairs in duplicates(numbers, memory_bytes=memory, folder=scratch):
        owners, places = pairs >> PLACE_BITS, pairs[:, 0] & ((1 << PLACE_BITS) - 1)
        other = owners[:, 0] != owners[:, 1]  # what a text repeats itself is its own affair
        rows, places = table.order[owners[other, 0].astype(np.int64)], places[other]
        by_part = np.searchsorted(table.first, rows, "right") - 1
        for part in np.unique(by_part).tolist():
            mine = by_part == part
            found = (rows[mine] - table.first[part], places[mine].astype(np.int64))
            cut.setdefault(part, []).append(found)
    return {part: _looked_up(table.folders[part], kind, pairs) for part, pairs in cut.items()}


def _numbered(table: Table, kind: str):
    """Hashes of the parts of documents that are kept, and their numbers: rank, then place."""
    for part, folder in enumerate(table.folders):
        path = folder / f"{kind}s.npy"
        if not path.is_file():
            continue  # its source does not go through this step
        parts = np.load(path)
        rows = table.first[part] + parts["row"].astype(np.int64)
        parts, rows = parts[table.why[rows] == KEPT], rows[table.why[rows] == KEPT]
        place = np.arange(len(rows)) - np.searchsorted(rows, rows)  # in the list of its document
        number = (table.rank[rows] << PLACE_BITS) | place
        yield np.ascontiguousarray(parts["hash"]), number.astype(np.uint64)


def _looked_up(folder: Path, kind: str, pairs) -> np.ndarray:
    """The parts that (row, place in the row's list) name, (n,) of PART."""
    parts = np.load(folder / f"{kind}s.npy")
    rows, places = (np.concatenate([p[i] for p in pairs]) for i in (0, 1))
    found: np.ndarray = parts[np.searchsorted(parts["row"], rows) + places]
    assert found.dtype == PART
    return np.sort(found, order=("row", "first"))


def cluster_sizes(keeper: np.ndarray, dropped: np.ndarray) -> dict[str, int]:
    """How many clusters there are of each size, the kept one counted."""
    _, copies = np.unique(keeper[dropped], return_counts=True)
    sizes, counts = np.unique(copies + 1, return_counts=True)
    return {str(s): int(n) for s, n in zip(sizes.tolist(), counts.tolist(), strict=True)}


def read_decisions(folder: Path, part: int) -> tuple[np.ndarray, np.ndarray]:
    """The decisions and the cuts of a part."""
    return np.load(folder / f"{part:05d}.npy"), np.load(folder / f"{part:05d}-cuts.npy")
