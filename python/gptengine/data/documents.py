"""Documents out of files: a .txt file is one, a line of a .jsonl file is one; .gz of both."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from gptengine.data.encoding import decode
from gptengine.files import parse_object

SUFFIXES = (".txt", ".txt.gz", ".jsonl", ".jsonl.gz")
LOOKED_AT = 1 << 16  # bytes of a file, to tell whether it is text
STRANGE = 0.01  # share of them that are no text, from which on it is said
LOOKS = {
    "utf-8": "damaged UTF-8",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32-le": "UTF-32",
    "utf-32-be": "UTF-32",
    "cp1252": "Latin-1 or another encoding of one byte a character",
}


def find_files(paths) -> list[Path]:
    """The text files that `paths` (one or several files or folders) mean, in a fixed order."""
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    paths, found = [*paths], []
    if "" in paths:  # it would be the current folder, which nobody named
        raise ValueError("a path of the texts is empty: give a file or a folder (. is this folder)")
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and _suffix(p))
            if not inside:
                raise ValueError(f"{path}: the folder holds no {', '.join(SUFFIXES)} file")
            found += inside
        elif not path.is_file():
            raise ValueError(f"{path}: no such file or folder")
        elif not _suffix(path):
            raise ValueError(f"{path}: its name ends in none of {', '.join(SUFFIXES)}")
        else:
            found.append(path)
    if not found:
        raise ValueError("no text files were given")
    return found


def read_documents(paths, field: str = "text") -> Iterator[bytes]:
    """The documents of some files as UTF-8 bytes; `field` holds the text of a JSON line."""
    for path in find_files(paths):
        try:
            if ".jsonl" in _suffix(path):
                yield from _lines(path, field)
            else:
                with _open(path) as file:
                    yield file.read()
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path}: broken gzip file: {error}") from None


def strange(path: Path) -> str:
    """What the first bytes of a file have that UTF-8 text has not, and what they look like.

    "" where that is at most STRANGE of them, and for a .jsonl file, as JSON checks itself.
    """
    if ".jsonl" in _suffix(path):
        return ""
    with _open(path) as file:
        start = file.read(LOOKED_AT)
    count = start.count(0) + start.decode("utf-8", "replace").count("\ufffd")
    if count <= STRANGE * len(start):
        return ""
    try:
        looks = LOOKS.get(name := decode(start)[1], name)
    except ValueError:
        looks = "binary data"
    return (
        f"{count / len(start):.0%} of its first bytes are NUL or not UTF-8: it looks like {looks}; "
        f"what is not UTF-8 is taken byte by byte, and shows as U+FFFD"
    )


def _lines(path: Path, field: str) -> Iterator[bytes]:
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            record = parse_object(line, f"{path}: line {number}")
            if field not in record:
                raise ValueError(f"{path}: line {number} has no field {field!r}, only {[*record]}")
            if not isinstance(record[field], str):
                raise ValueError(
                    f"{path}: line {number}: field {field!r} is {type(record[field]).__name__}, "
                    f"not a string"
                )
            yield record[field].encode("utf-8", "replace")  # JSON can hold lone surrogates


def _open(path: Path):
    return gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")


def _suffix(path: Path) -> str:
    return next((s for s in reversed(SUFFIXES) if path.name.endswith(s)), "")
