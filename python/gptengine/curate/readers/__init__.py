"""Files into records; whatever cannot be read is counted as a loss and never left out silently."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..document import Loss, Record
from .jsonl import read_jsonl
from .options import FORMATS, SUFFIXES, ReadOptions, format_of
from .parquet import read_parquet
from .stream import Broken
from .warc import read_warc
from .whole import read_html, read_markdown, read_text

__all__ = ["FORMATS", "SUFFIXES", "ReadOptions", "format_of", "read_file"]

READERS = dict(
    zip(
        FORMATS,
        (read_text, read_markdown, read_html, read_jsonl, read_parquet, read_warc),
        strict=True,
    )
)


def read_file(
    path, options: ReadOptions | None = None, stride: tuple[int, int] = (0, 1)
) -> Iterator[Record | Loss]:
    """The records of a file in its order, and a `Loss` for each that it does not give.

    path: its name says the format, unless the options do; "-" is the standard input, JSON lines
    unless the options say otherwise. Memory is bounded by a few times `options.most_bytes`. Raises
    ValueError only where a package is missing.

    stride: (first, count) gives every `count`-th from the `first` on, so that the strides 0 to
    count - 1 together are the file; what is wrong with the whole of it is in stride 0.
    """
    options = options or ReadOptions()
    path = os.fsdecode(path)
    shown = os.fsencode(path).decode("utf-8", "backslashreplace")  # a name need not be UTF-8
    kind = options.format or ("jsonl" if path == "-" else format_of(path))
    if not kind:
        yield Loss(
            "reader.unknown_format", shown, f"its name ends in none of {', '.join(SUFFIXES)}"
        )
        return
    if path == "-" and kind == "parquet":
        raise ValueError("Parquet is not read from the standard input: give a file")
    first, found = stride[0], False
    try:
        for item in _strided(kind, path, shown, options, stride):
            found = True
            if item is not None:
                yield item
    except (Broken, OSError) as error:
        if first == 0:
            yield _damage(error, shown)
    else:
        if not found and first == 0:
            yield Loss("reader.empty", shown)


def _strided(kind: str, path: str, shown: str, options: ReadOptions, stride: tuple[int, int]):
    """The items of a stride, and None for those of others: their lines are not even parsed."""
    first, count = stride
    if kind == "jsonl":
        yield from read_jsonl(path, shown, options, stride)
        return
    for number, item in enumerate(READERS[kind](path, shown, options)):
        yield item if number % count == first else None


def _damage(error: Broken | OSError, shown: str) -> Loss:
    if isinstance(error, Broken):
        return Loss("reader.broken_file", shown, str(error))
    return Loss("reader.unreadable", shown, error.strerror or str(error))
