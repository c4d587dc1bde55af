"""`explain`: one document's way through all rules, with the value of each, and what it came to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gptengine.files import read_json

from .document import Change, Document
from .personal import mask
from .pipeline import STATE
from .recipe import Recipe
from .settings import from_mapping
from .stages.duplicates import EXACT, KEPT, REASONS, read_decisions
from .stages.filter import described
from .stages.read import LOST
from .stages.write import shard_of
from .steps import build_steps, pass_through
from .store import from_line, read_index, read_rows
from .tally import excerpt

SHOWN = 3  # places in a message


def explain(out, key: str) -> dict:
    """What the run in the folder `out` did with a document, by its id.

    key: may also be the place of a record that was lost in reading, most of which have no id:
    "crawl/a.warc.gz record 17", or its end from the name of a folder or the file on.

    Returns plain values: "outcome" in words; "checks", each with reason, value, limits and
    "passed"; "changes" by step; "document", its beginning with personal data masked. Every rule is
    shown, also those after the one that dropped it, as far as its text gets.
    """
    work = Path(out) / "work"
    if not (work / STATE).is_file():
        raise ValueError(f"{out}: no finished run: `gptengine curate run` makes one")
    state = read_json(work / STATE)
    recipe = from_mapping(Recipe, read_json(Path(out) / "recipe.json"), "")
    for place, (source, part) in enumerate(state["parts"]):
        row = _row(read_index(work / part), key)
        if row is not None:
            document = from_line(next(read_rows(work / part, [row])))
            return _followed(recipe, state, work, place, source, document)
    lost = list(_lost(state, work, key))
    if len(lost) == 1 or any(found["id"] == key for found in lost):
        return lost[0]  # of records that are the same, the first
    if lost:
        places = ", ".join(found["where"] for found in lost[:SHOWN])
        raise ValueError(f"{out}: {len(lost)} lost records are at {key!r}: {places}")
    raise ValueError(
        f"{out}: no document has the id {key!r}, and no lost record this place; report.json has "
        f"the ids and places of samples, and documents/ the ids of what was kept"
    )


def _lost(state: dict, work: Path, key: str) -> Iterator[dict]:
    """The records that were lost in reading and have this id, or are at this place."""
    if not key:
        return  # which most of them have as their id
    for source, tasks in sorted(state["read"].items()):
        for task in dict.fromkeys(tasks):  # a file that is there twice was read once
            for line in (work / "read" / task / LOST).read_text().splitlines():
                lost = json.loads(line)
                if key in (lost["id"], lost["where"]) or lost["where"].endswith(f"/{key}"):
                    outcome = f"lost in reading: {lost['reason']}"
                    found = dict(id=lost["id"], source=source, outcome=outcome)
                    yield found | dict(
                        where=lost["where"], note=lost["note"], checks=[], changes={}
                    )


def _followed(recipe, state: dict, work: Path, place: int, source: str, document: Document) -> dict:
    learned = work / "learn" / state["learn"] if state["learn"] else None
    checks: list[dict] = []
    changes: dict[str, int] = {}
    failed = None

    def see(step, found):
        if isinstance(found, Change):
            changes.update({k: changes.get(k, 0) + n for k, n in found.counts.items()})
        else:
            checks.append(described(found) | {"passed": found.passed})

    after = document
    for step in build_steps(recipe, source, state["base"], learned):
        if hasattr(step, "checks"):  # all of them, which a run does not ask for after the first
            for check in step.checks(after):
                see(step, check)
                if not check.passed:
                    failed = failed or check
        else:
            after, empty = pass_through([step], after, see)
            failed = failed or empty
    found = dict(id=document.id, source=source, url=mask(document.url)[0], checks=checks)
    found |= dict(language=document.language, licence=document.licence, changes=changes)
    found["document"] = mask(excerpt(document.text))[0]
    if failed:
        return found | {"outcome": f"dropped: {failed.reason}"}
    return found | _compared(state, work, place, source, document.id)


def _compared(state: dict, work: Path, place: int, source: str, key: str) -> dict:
    """What the comparison with all others decided."""
    row = _row(read_index(work / "filter" / state["filter"][place]), key)
    decided, cuts = read_decisions(work / "compare" / state["compare"], place)
    why, keeper = int(decided["why"][row]), decided["keeper"][row].decode()
    if why != KEPT:
        like = "a copy" if why == EXACT else f"like it by {decided['jaccard'][row]:.2f}"
        return {"outcome": f"dropped: {REASONS[why]}", "keeper": keeper, "like": like}
    cut = int((cuts["row"] == row).sum())
    shard = int(shard_of(np.array([key.encode()]), state["shards"][source])[0])
    said = f", without {cut} passages that stand elsewhere" if cut else ""
    return {"outcome": f"kept in documents/{source}-{shard:05d}.jsonl{said}"}


def _row(index: np.ndarray, key: str) -> int | None:
    row = int(np.searchsorted(index["id"], key.encode("utf-8", "replace")))
    return row if row < len(index) and index["id"][row] == key.encode("utf-8", "replace") else None
