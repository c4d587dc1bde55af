"""Documents between the stages: JSON lines in order of their ids, and an index to find each.

`documents.jsonl` has a document a line; `index.npy` is (N,) of INDEX: id, where its line begins,
its length. Ids begin evenly spread, as digests do, so their first bytes cut any set into parts of
the same size.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from .document import Document

DOCUMENTS, INDEX_FILE = "documents.jsonl", "index.npy"
INDEX = np.dtype([("id", "S32"), ("begin", "<i8"), ("length", "<i8")])
FIELDS = tuple(f.name for f in dataclasses.fields(Document))


def to_line(document: Document) -> bytes:
    """The document as a line of JSON; what UTF-8 cannot hold becomes a question mark."""
    values = {name: getattr(document, name) for name in FIELDS}
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


def from_line(line: bytes) -> Document:
    return Document(**json.loads(line))


def write_documents(
    folder, documents: Iterable[tuple[bytes, Document]]
) -> list[tuple[bytes, Document]]:
    """Write documents, each with its line, into a folder, and return them in order there.

    That is of id and then line; a reader of the folder finds them at the same places.
    """
    lines = sorted(documents, key=lambda pair: (pair[1].id, pair[0]))
    lengths = np.array([len(line) for line, _ in lines], np.int64)
    index = np.zeros(len(lines), INDEX)
    index["id"] = [document.id.encode() for _, document in lines]
    index["length"], index["begin"] = lengths, np.cumsum(lengths) - lengths
    with open(Path(folder) / DOCUMENTS, "wb") as file:
        file.writelines(line for line, _ in lines)
    np.save(Path(folder) / INDEX_FILE, index)
    return lines


def read_index(folder) -> np.ndarray:
    return np.load(Path(folder) / INDEX_FILE)


def read_lines(folder) -> Iterator[bytes]:
    """The documents of a folder as lines, one at a time."""
    with open(Path(folder) / DOCUMENTS, "rb") as file:
        yield from file


def read_rows(folder, rows: Iterable[int]) -> Iterator[bytes]:
    """Some of a folder's documents as lines, by their places in the index."""
    index = read_index(folder)
    with open(Path(folder) / DOCUMENTS, "rb") as file:
        for row in rows:
            file.seek(int(index["begin"][row]))
            yield file.read(int(index["length"][row]))
