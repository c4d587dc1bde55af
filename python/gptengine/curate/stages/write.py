"""Stage 5: the documents that stay, sorted by id into shards by id.

So a shard's bytes depend on what its documents are, and neither on the files that they came in nor
on who worked on them.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from gptengine.files import read_json

from ..document import Document
from ..store import DOCUMENTS, from_line, read_index, read_rows, to_line
from ..tally import Tally
from .duplicates import KEPT, read_decisions

TALLY = "tally.json"


def write_shard(folder: Path, work: Path, *, source, parts, decisions, shard, shards, **_) -> None:
    """Shard `shard` of `shards` of a source.

    parts: (place among all parts, folder below `work`) of the source; decisions: the folder of the
    stage before.
    """
    lines, tally = [], Tally()
    for place, part in parts:
        decided, cuts = read_decisions(work / decisions, place)
        ids = read_index(work / part)["id"]
        mine = (shard_of(ids, shards) == shard) & (decided["why"] == KEPT)
        rows = np.flatnonzero(mine)
        for row, line in zip(rows, read_rows(work / part, rows), strict=True):
            document = from_line(line)
            text, counts = without_copies(document.text, cuts[cuts["row"] == row])
            tally.change(source, counts)
            if not text or text.isspace():
                tally.drop(source, "exact.nothing_left", len(document.text.encode()))
                continue
            if text != document.text:
                document = dataclasses.replace(document, text=text)
                line = to_line(document)
            tally.keep(source, licence_of(document), document.language, len(text.encode()))
            lines.append((document.id, line))
    lines.sort()
    with open(folder / DOCUMENTS, "wb") as file:
        file.writelines(line for _, line in lines)
    (folder / TALLY).write_bytes(tally.to_json())


def shard_of(ids: np.ndarray, shards: int) -> np.ndarray:
    """The shard of each id, (N,): by its first 32 bits."""
    firsts = np.array([int(i[:8], 16) for i in ids.tolist()], np.int64)
    return firsts * shards >> 32


def shard_count(size: int, shard_bytes: int) -> int:
    """Of so many bytes of text."""
    return max(1, -(-size // shard_bytes))


def without_copies(text: str, cuts: np.ndarray) -> tuple[str, dict[str, int]]:
    """The text without the lines that stand elsewhere already."""
    if not len(cuts):
        return text, {}
    lines = text.split("\n")
    away = np.zeros(len(lines), bool)
    for cut in cuts:
        away[cut["first"] : cut["end"]] = True
    left = "\n".join(line for line, gone in zip(lines, away.tolist(), strict=True) if not gone)
    counts = {"exact.line": int(cuts["line"].sum()), "exact.paragraph": int((~cuts["line"]).sum())}
    return left.strip("\n"), {name: n for name, n in counts.items() if n}


def licence_of(document: Document) -> str:
    from ..licence import normalise

    return normalise(document.licence)


def read_tally(folder: Path) -> Tally:
    return Tally(**read_json(folder / TALLY))
