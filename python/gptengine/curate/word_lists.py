"""Lists that a user gives as files: one entry a line, "#" begins a comment, .gz is unpacked."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path


def read_list(path: str | os.PathLike) -> list[str]:
    """The entries of a list in UTF-8, without comments and white space around them.

    ValueError names the file where it is not there, not UTF-8, or a broken gzip file.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such list")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = content.decode("utf-8-sig").splitlines()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: broken gzip file: {error}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 at byte {error.start}") from None
    entries = (line.strip() for line in lines)
    entries = (entry.split(" #")[0].rstrip() for entry in entries if not entry.startswith("#"))
    return [entry for entry in entries if entry]
