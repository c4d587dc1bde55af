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


def read_file(path, options: ReadOptions | None = None) -> Iterator[Record | Loss]:
    """The records of a file in its order, and a `Loss` for each that it does not give.

    path: its name says the format, unless the options do; "-" is the standard input, JSON lines
    unless the options say otherwise. Memory is bounded by a few times `options.most_bytes`. Raises
    ValueError only where a package is missing.
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
    found = False
    try:
        for item in READERS[kind](path, shown, options):
            found = True
            yield item
    except Broken as error:
        yield Loss("reader.broken_file", shown, str(error))
    except OSError as error:
        yield Loss("reader.unreadable", shown, error.strerror or str(error))
    else:
        if not found:
            yield Loss("reader.empty", shown)
