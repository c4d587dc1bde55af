"""Stage 1: a file's records to documents: read, extract, repair, split, name the language."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..document import Document, Loss, Record, document_id
from ..extract import extract
from ..host_lines import page_hashes, write_run
from ..language import detect
from ..pieces import split_document
from ..readers import read_file
from ..recipe import Recipe, Source
from ..repair import Repair
from ..settings import from_mapping
from ..store import to_line, write_documents
from ..tally import Tally

PART_BYTES = 16 << 20  # of text that are kept together: what later tasks hold at a time
HOST_LINES = "host_lines.run"
LOST = "lost.jsonl"  # records that did not become documents: id, reason, where, note


def read(folder: Path, work: Path, path: str, *, recipe, source, stride, **_) -> None:
    """Every `count`-th record of a file, from the `first` on, into parts 00000, 00001, ...

    recipe: plain values of those steps and that source. stride: (first, count).
    """
    steps = from_mapping(Recipe, recipe, "")
    reading = Reading(steps, source, folder)
    options = steps.sources[source].read_options()
    for item in read_file(path, options, tuple(stride)):
        reading.take(item)
    reading.close()


class Reading:
    """Turns records into documents, and fills a folder with parts of them."""

    def __init__(self, recipe: Recipe, name: str, folder: Path):
        self.recipe, self.name, self.folder = recipe, name, folder
        self.source: Source = recipe.sources[name]
        self.tally, self.lost, self.waiting, self.bytes, self.parts = Tally(), [], [], 0, 0
        self.pages: list[np.ndarray] = []  # hashes of the lines of those with a host
        self.repair = Repair() if recipe.repair else None

    def take(self, item: Record | Loss) -> None:
        self.tally.add(self.name, "records")
        if isinstance(item, Loss):
            return self.lose(item, "")
        size = len(item.content)
        self.tally.add(self.name, "record_bytes", size)
        key = document_id(self.name, item.own_id, item.content)
        documents = list(self.documents(item, key))
        self.tally.add(self.name, "split", max(0, len(documents) - 1))
        for document in documents:
            if isinstance(document, Loss):
                self.lose(document, key, size)
                continue
            self.waiting.append(document)
            self.bytes += len(document.text)
            if self.bytes >= PART_BYTES:
                self.write()

    def documents(self, record: Record, key: str) -> Iterator[Document | Loss]:
        """The documents of a record, or the one loss that it is."""
        timed = Stopwatch(self.tally, len(record.content))
        text, meta, licence = record.content, dict(record.meta), record.licence
        if record.kind == "html":
            page = extract(text, self.source.extract_options(), record.where)
            timed.stop("extract")
            if isinstance(page, Loss):
                yield page
                return
            text = page.text
            licence = licence or page.facts.get("licence", "")
            robots = [meta.get("robots", ""), page.facts.get("robots", "")]
            meta |= page.facts
            if any(robots):
                meta["robots"] = ", ".join(filter(None, robots))
        where = "extract.empty" if record.kind == "html" else "reader.empty_text"
        document = Document(key, self.name, text, record.url, licence or self.source.licence)
        if self.repair:
            change = self.repair.change(document)
            self.tally.change(self.name, change.counts)
            document = dataclasses.replace(document, text=change.text)
            timed.stop("repair")
        if not document.text or document.text.isspace():
            yield Loss(where, record.where)
            return
        document = dataclasses.replace(document, meta=meta, language=self.source.language)
        if self.recipe.host_lines:
            self.pages.append(page_hashes(document, self.recipe.host_lines))
            timed.stop("host_lines")
        pieces = [document]
        if self.recipe.split:
            pieces = list(split_document(document, self.recipe.split.characters))
            timed.stop("split")
        for piece in pieces:
            if self.recipe.languages and not piece.language:
                code, confidence = detect(piece.text)
                known = {**piece.meta, "language_confidence": round(confidence, 4)}
                piece = dataclasses.replace(piece, language=code, meta=known)
                timed.stop("languages")
            yield piece

    def lose(self, loss: Loss, key: str, size: int = 0) -> None:
        self.tally.drop(self.name, loss.reason, size)
        self.lost.append(dict(id=key, reason=loss.reason, where=loss.where, note=loss.detail))
        digest = hashlib.blake2b(f"{loss.reason} {loss.where}".encode("utf-8", "replace"))
        known = {"id": key} if key else {}
        sample = dict(source=self.name, where=loss.where, note=loss.detail, **known)
        self.tally.sample(loss.reason, key or digest.hexdigest()[:32], sample)

    def write(self) -> None:
        if self.waiting:
            part = self.folder / f"{self.parts:05d}"
            part.mkdir()
            write_documents(part, ((to_line(d), d) for d in self.waiting))
            self.tally.add(self.name, "documents", len(self.waiting))
            self.tally.add(self.name, "text_bytes", sum(len(d.text.encode()) for d in self.waiting))
            self.waiting, self.bytes, self.parts = [], 0, self.parts + 1

    def close(self) -> None:
        self.write()
        lines = sorted(json.dumps(lost, sort_keys=True) for lost in self.lost)
        write_run(self.folder / HOST_LINES, self.pages)
        (self.folder / LOST).write_text("".join(line + "\n" for line in lines))
        (self.folder / "tally.json").write_bytes(self.tally.to_json())
        (self.folder / "parts.json").write_text(json.dumps({"parts": self.parts}))


class Stopwatch:
    """Gives the time since the last stop to a step."""

    def __init__(self, tally: Tally, size: int):
        self.tally, self.size, self.begin = tally, size, time.thread_time()

    def stop(self, step: str) -> None:
        now = time.thread_time()
        self.tally.spend(step, now - self.begin, self.size)
        self.begin = now
