"""Documents out of files: a .txt file is one, a line of a .jsonl file is one; .gz of both.

In a folder these are read. A file that is named is read as text whatever its suffix, if it is text.
"""

from __future__ import annotations

import contextlib
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
NAMED = 3  # files that are not read
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
    paths, found = _several(paths), []
    if "" in paths:  # it would be the current folder, which nobody named
        raise ValueError("a path of the texts is empty: give a file or a folder (. is this folder)")
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and _suffix(p))
            if not inside:
                says = f"{path}: the folder holds no {', '.join(SUFFIXES)} file"
                raise ValueError("; ".join(filter(None, [says, not_read(path)])))
            found += inside
        elif not path.is_file():
            what = "neither a file nor a folder" if path.exists() else "no such file or folder"
            raise ValueError(f"{path}: {what}")
        else:
            _check_text(path)
            found.append(path)
    if not found:
        raise ValueError("no text files were given")
    return found


def read_documents(paths, field: str = "text") -> Iterator[bytes]:
    """The documents of some files as UTF-8 bytes; `field` holds the text of a JSON line."""
    for path in find_files(paths):
        if ".jsonl" in _suffix(path):
            yield from _lines(path, field)
        else:
            with _open(path) as file:
                yield file.read()


def warnings(paths) -> Iterator[tuple[Path, str]]:
    """Files and folders of which not all is read or not all is text, and what is to say of each."""
    for folder in map(Path, _several(paths)):
        if folder.is_dir() and (says := not_read(folder)):
            yield folder, says
    for path in find_files(paths):
        if says := strange(path):
            yield path, says


def not_read(path: Path) -> str:
    """What a folder holds beside the files that are read of it; "" where that is nothing."""
    inside = (p.relative_to(path) for p in path.rglob("*") if p.is_file() and not _suffix(p))
    others = sorted(str(p) for p in inside if not any(part.startswith(".") for part in p.parts))
    if not others:
        return ""
    more = ", …" * (len(others) > NAMED)
    return (
        f"not read: {', '.join(others[:NAMED])}{more} ({len(others):,} in all): name what is text"
    )


def is_plain(path: Path) -> bool:
    """Whether the bytes of a file are the text, neither packed nor JSON."""
    return path.suffix != ".gz" and ".jsonl" not in _suffix(path)


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


def _several(paths) -> list:
    return [paths] if isinstance(paths, (str, os.PathLike)) else [*paths]


def _check_text(path: Path) -> None:
    """Refuse a file that is neither text nor of a kind that is read."""
    if _suffix(path):
        return
    says = strange(path)
    if path.suffix == ".json":
        says = "such a file is one value, not documents: rename it to .jsonl if each line is one"
    if says:
        raise ValueError(f"{path}: its name ends in none of {', '.join(SUFFIXES)}: {says}")


def records(path: Path) -> Iterator[tuple[dict, str]]:
    """The JSON objects of a file's lines, each with its place, which names file and line."""
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                where = f"{path}: line {number}"
                yield parse_object(line, where), where


def _lines(path: Path, field: str) -> Iterator[bytes]:
    for record, where in records(path):
        if field not in record:
            raise ValueError(f"{where} has no field {field!r}, only {[*record]}")
        if not isinstance(record[field], str):
            kind = type(record[field]).__name__
            raise ValueError(f"{where}: field {field!r} is {kind}, not a string")
        yield record[field].encode("utf-8", "replace")  # JSON can hold lone surrogates


@contextlib.contextmanager
def _open(path: Path):
    """A file to read its text from, unpacked; what is broken in it is said with its name."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as file:
            yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: broken gzip file: {error}") from None


def _suffix(path: Path) -> str:
    return next((s for s in reversed(SUFFIXES) if path.name.endswith(s)), "")
