"""Files as streams of bytes: .gz and .zst are unpacked, UTF-16 becomes UTF-8, lines are bounded."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Iterator

from gptengine.data.encoding import MARKS

from ..optional import need

BLOCK = 1 << 16
LONGEST_WINDOW = 1 << 27  # bytes that unpacking .zst may hold: those of zstd's own default


class Broken(Exception):
    """A packed file that ends early or holds what its format does not allow."""


class Unpacked(io.RawIOBase):
    """The bytes in a packed file; damage is raised as `Broken`."""

    def __init__(self, file, path: str):
        self._under, self._file, self._errors = file, file, (EOFError,)
        if path.endswith(".gz"):
            self._file = gzip.GzipFile(fileobj=file)
            self._errors = (EOFError, zlib.error, gzip.BadGzipFile)
        elif path.endswith(".zst"):
            zstandard = need("zstandard", f"{path}: reading .zst")
            unpacker = zstandard.ZstdDecompressor(max_window_size=LONGEST_WINDOW)
            self._file = unpacker.stream_reader(file, read_across_frames=True)
            self._errors = (EOFError, zstandard.ZstdError)

    def readable(self):
        return True

    def readinto(self, buffer):
        try:
            data = self._file.read(min(len(buffer), BLOCK))
        except self._errors as error:
            raise Broken(str(error)) from None
        buffer[: len(data)] = data
        return len(data)

    def close(self):
        self._under.close()
        super().close()


class Recoded(io.RawIOBase):
    """UTF-16 or UTF-32 as UTF-8, so that lines end where they should."""

    def __init__(self, file, encoding: str):
        self._file, self._left = file, b""
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")

    def readable(self):
        return True

    def readinto(self, buffer):
        while not self._left:
            data = self._file.read(BLOCK)
            self._left = self._decoder.decode(data, final=not data).encode()
            if not data:
                break
        part, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)

    def close(self):
        self._file.close()
        super().close()


def open_bytes(path: str) -> io.BufferedReader:
    """The bytes of a file, unpacked by its name; "-" is the standard input."""
    file = sys.stdin.buffer if path == "-" else open(path, "rb")
    return io.BufferedReader(Unpacked(file, path.lower()), BLOCK)


def open_text(path: str) -> io.BufferedReader:
    """As `open_bytes`, without a byte order mark and UTF-16 or UTF-32 turned into UTF-8."""
    file = open_bytes(path)
    start = file.peek(4)[:4]
    for mark, name in MARKS:
        if start.startswith(mark):
            file.read(len(mark))
            return file if name == "utf-8" else io.BufferedReader(Recoded(file, name), BLOCK)
    return file


def bounded_lines(file, most: int) -> Iterator[tuple[bytes | None, int]]:
    """Each line and its length in bytes; a line of more than `most` is None and never held."""
    while line := file.readline(most + 1):
        if len(line) <= most or line.endswith(b"\n"):
            yield line, len(line)
            continue
        length = len(line)
        while not line.endswith(b"\n") and (line := file.readline(BLOCK)):
            length += len(line)
        yield None, length


def read_at_most(file, most: int) -> tuple[bytes | None, int]:
    """All of a file and its length, or None and the length if that is more than `most`."""
    data = file.read(most + 1)
    length = len(data)
    if length <= most:
        return data, length
    del data
    while more := file.read(BLOCK):
        length += len(more)
    return None, length
