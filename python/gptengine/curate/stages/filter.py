"""Stage 3: the steps over a part's documents, and what is needed to compare those that stay."""

from __future__ import annotations

import functools
import hashlib
import json
import time
from pathlib import Path

import numpy as np

from ..document import Change, Check, Document
from ..exact import text_hashes, text_parts
from ..near import NearOptions, signatures
from ..personal import mask
from ..recipe import TIERS, Near, Recipe
from ..settings import from_mapping
from ..steps import build_steps, pass_through
from ..store import from_line, read_lines, to_line, write_documents
from ..tally import Tally, excerpt, histogram, nearness, rule_key

DROPPED = "dropped.jsonl"  # id, reason, value, limits, note: what `explain` looks for first
COMPARED = np.dtype(
    [("tier", "u1"), ("quality", "<i8"), ("bytes", "<i8"), ("hash", "<u8", 2), ("line", "<u8")]
)
PART = np.dtype([("row", "<u4"), ("first", "<u4"), ("end", "<u4"), ("hash", "<u8", 2)])


def filter_part(folder: Path, work: Path, base: str, *, recipe, source, part, learned, **_) -> None:
    """The documents of a part that pass, in `folder`, with their hashes and signatures.

    part: a folder below `work` with documents. learned: such a folder, or "". base: the recipe's.
    """
    text = json.dumps(recipe, sort_keys=True)
    steps = _steps(text, source, base, str(work / learned) if learned else "")
    settings = from_mapping(Recipe, recipe, "").for_source(source)
    seen = Seen(source, [s.name for s in steps])
    kept, dropped = [], []
    for line in read_lines(work / part):
        document = from_line(line)
        after, failed = seen.follow(steps, document)
        if failed is None:
            kept.append((line if after is document else to_line(after), after))
        else:
            dropped.append(dict(id=document.id, **described(failed)))
    seen.finish()
    begin = time.thread_time()
    written = write_documents(folder, kept)
    size = _save_comparable(folder, TIERS.index(settings.sources[source].tier), settings, written)
    seen.tally.spend("hashes and signatures", time.thread_time() - begin, size)
    seen.tally.add(source, "filtered", len(written))
    (folder / "size.json").write_text(json.dumps({"bytes": size}))
    lines = sorted(json.dumps(d, sort_keys=True) for d in dropped)
    (folder / DROPPED).write_text("".join(line + "\n" for line in lines))
    (folder / "tally.json").write_bytes(seen.tally.to_json())


@functools.lru_cache(maxsize=8)
def _steps(recipe: str, source: str, base: str, learned: str) -> list:
    settings = from_mapping(Recipe, json.loads(recipe), "")
    return build_steps(settings, source, base, Path(learned) if learned else None)


class Seen:
    """Counts what the steps say of the documents of one part."""

    def __init__(self, source: str, names: list[str]):
        self.source, self.tally, self.names = source, Tally(), names
        self.values: dict = {}  # (reason, least, most) -> values, and the documents they are of
        self.seconds: dict[str, float] = {}
        self.bytes = dict.fromkeys(names, 0)
        self.document: Document | None = None

    def follow(self, steps, document: Document) -> tuple[Document, Check | None]:
        self.document = document
        size = len(document.text.encode("utf-8", "replace"))
        after, failed = pass_through(steps, document, self.see, self.seconds)
        for name in self.names:
            self.bytes[name] += size
            self.tally.add(self.source, f"in.{name}")
            if failed and failed.reason.startswith(f"{name}."):
                break
        if failed:
            self.tally.drop(self.source, failed.reason, size)
            if self.tally.wants(failed.reason, document.id):
                self.tally.sample(failed.reason, document.id, sample(after, failed))
        return after, failed

    def see(self, step, found: Check | Change) -> None:
        if isinstance(found, Change):
            self.tally.change(self.source, found.counts)
            return
        values, documents = self.values.setdefault((found[0], found[2], found[3]), ([], []))
        values.append(found[1])
        documents.append(self.document)

    def finish(self) -> None:
        """Values to histograms and near misses, times to speeds."""
        for (reason, least, most), (values, documents) in self.values.items():
            key = rule_key(reason, least, most)
            self.tally.values[key] = histogram(values, least, most)
            distance = nearness(values, least, most)
            near = np.flatnonzero(np.isfinite(distance))
            nearest = sorted(near.tolist(), key=lambda i: (distance[i], documents[i].id))[:5]
            if nearest:
                self.tally.near[key] = [
                    [
                        round(float(distance[i]), 9),
                        sample(documents[i], Check(reason, values[i], least, most)),
                    ]
                    for i in nearest
                ]
        self.values.clear()
        for name, seconds in self.seconds.items():
            self.tally.spend(name, seconds, self.bytes[name])


def described(check: Check) -> dict:
    """A check as JSON values, without limits that are open."""
    limits = {k: v for k, v in (("least", check.least), ("most", check.most)) if np.isfinite(v)}
    note = {"note": mask(check.note)[0]} if check.note else {}
    return dict(reason=check.reason, value=float(check.value), **limits, **note)


def sample(document: Document, check: Check) -> dict:
    """What a report shows of a document: personal data in it is masked, whatever the recipe."""
    text, url = mask(excerpt(document.text))[0], mask(document.url)[0]
    return dict(source=document.source, id=document.id, url=url, text=text, **described(check))


def _save_comparable(folder: Path, tier: int, recipe: Recipe, written) -> int:
    """compare.npy (N,) of COMPARED, signatures.npy (N, bands * rows), parts of the texts.

    written: what `write_documents` gave, the N documents in their order. Returns bytes of text.
    """
    texts = [document.text for _, document in written]
    compared = np.zeros(len(texts), COMPARED)
    compared["tier"] = tier
    compared["quality"] = [len(text) for text in texts]  # the fuller copy is the better one
    compared["bytes"] = [len(text.encode()) for text in texts]
    compared["hash"] = text_hashes(texts)
    digest = lambda line: hashlib.blake2b(line, digest_size=8).digest()
    compared["line"] = [int.from_bytes(digest(line), "little") for line, _ in written]
    np.save(folder / "compare.npy", compared)
    if recipe.near:
        near: Near = recipe.near
        options = NearOptions(near.jaccard, near.bands, near.rows, near.words)
        np.save(folder / "signatures.npy", signatures(texts, options))
    for kind in ("paragraph", "line"):
        if least := recipe.exact and getattr(recipe.exact, kind):
            found = [parts_of(row, t, kind, least) for row, t in enumerate(texts)]
            np.save(folder / f"{kind}s.npy", np.concatenate([np.zeros(0, PART), *found]))
    return int(compared["bytes"].sum())


def parts_of(row: int, text: str, kind: str, least: int) -> np.ndarray:
    """The paragraphs or lines of a text of at least so many characters, (n,) of PART."""
    lines, hashes = text_parts(text, kind)
    ends = np.cumsum([0] + [len(line) + 1 for line in text.split("\n")])
    long = ends[lines[:, 1]] - ends[lines[:, 0]] - 1 >= least
    parts = np.zeros(int(long.sum()), PART)
    parts["row"], parts["hash"] = row, hashes[long]
    parts["first"], parts["end"] = lines[long].T
    return parts
