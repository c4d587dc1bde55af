"""Whatever data a trainer is given becomes a folder of token shards, once."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from gptengine.data.documents import find_files, read_documents, warnings
from gptengine.data.write import SOURCES, split_documents, write_shards
from gptengine.files import read_json, recover


def prepare(
    data,
    folder,
    tokenizer: Callable[[Iterable[bytes]], object],
    settings: dict,
    *,
    held_out: float = 0.1,
    seed: int = 0,
    field: str = "text",
    progress: Callable[[int], None] | None = None,
) -> Path:
    """The folder of shards that `data` means, made in `folder` if it is text.

    data: a folder of shards, or text files and folders. tokenizer: gives the tokenizer, from the
    documents that are not held out if it learns from them. settings: what it does; with other
    settings or other files than before, `folder` is not used again but refused.
    """
    if holds_shards(data):
        return Path(data)
    folder = Path(folder)
    # by content: the same text elsewhere is the same, edited text is not, however long it is
    paths = find_files(data)
    files = [[p.name, p.stat().st_size, _digest(p)] for p in paths]
    made_from = {**settings, "files": files, "held_out": held_out, "seed": seed, "field": field}
    recover(folder)
    if folder.exists():
        _check_same(folder, made_from)
        return folder
    texts = lambda: read_documents(data, field)
    if not any(texts()):
        raise ValueError(f"{', '.join(map(str, paths))}: there is no text in it")
    for path, says in warnings(data):
        print(f"warning: {path}: {says}", file=sys.stderr)
    tok = tokenizer(t for split, t, _ in split_documents(texts(), held_out, seed) if split != "val")
    write_shards(
        texts(),
        folder,
        tok,
        held_out=held_out,
        seed=seed,
        progress=progress,
        extra={SOURCES: (json.dumps(made_from, indent=2) + "\n").encode()},
    )
    return folder


def holds_shards(data) -> bool:
    """Whether `data` is a folder of token shards rather than text."""
    return isinstance(data, (str, os.PathLike)) and any(Path(data).glob("*.tok"))


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()[:32]


def _check_same(folder: Path, made_from: dict) -> None:
    path = folder / SOURCES
    if not path.is_file():
        raise ValueError(f"{path}: no such file, so what {folder} was made from is not known")
    before = read_json(path)
    for name, value in made_from.items():
        if before.get(name) != value:
            raise ValueError(
                f"{folder} was made with {name} {before.get(name)}, now it is {value}: give that "
                f"value, or another out folder"
            )
