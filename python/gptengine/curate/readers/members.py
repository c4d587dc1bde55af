"""A WARC file as bytes that can be taken, skipped, and found again after damage.

A .warc.gz is a row of gzip members, one a record. After a broken one the next is looked for, so
that damage costs the record it is in and not the rest of the file.
"""

from __future__ import annotations

import zlib

from .stream import BLOCK, Broken, open_bytes

GZIP = b"\x1f\x8b\x08"
RECORD = b"WARC/"
ENOUGH = 1 << 12  # bytes of a member, to see what it begins with


class Plain:
    """A file as `open_bytes` reads it; nothing can be found again after broken packing."""

    def __init__(self, path: str):
        self._file = open_bytes(path)

    def read(self) -> bytes:
        return self._file.read1(BLOCK)

    def find_next(self) -> bool:
        return False

    def close(self):
        self._file.close()


class Members:
    """The content of a row of gzip members, in blocks."""

    def __init__(self, path: str):
        self._file = open(path, "rb")
        self._data = b""  # packed, still to be read
        self._start()

    def _start(self):
        self._inflate, self._begun = zlib.decompressobj(31), False

    def read(self) -> bytes:
        """Some bytes, b"" at the end; raises `Broken` where a member is damaged or cut short."""
        while True:
            if self._inflate.eof:
                self._data = self._inflate.unused_data  # the tail of what was given last
                self._start()
            data, self._data = self._data or self._file.read(BLOCK), b""
            if not data:
                if self._begun:
                    self._start()
                    raise Broken("the file ends within a gzip member")
                return b""
            if not self._begun:
                data = data.lstrip(b"\0")  # padding between members
            self._begun = bool(data)
            try:
                content = self._inflate.decompress(data, BLOCK)
            except zlib.error as error:
                self._data = data[1:]  # where the next is looked for
                raise Broken(str(error)) from None
            self._data = self._inflate.unconsumed_tail
            if content:
                return content

    def find_next(self) -> bool:
        """Go on at the next member that begins with a record; False if there is none."""
        self._start()
        data, more = bytearray(self._data), True
        while True:
            if more and len(data) < ENOUGH:
                more = self._file.read(BLOCK)
                data += more
            place = data.find(GZIP)
            if place < 0 and not more:
                self._data = b""
                return False
            if place == 0 and _unpacked_start(bytes(data[:ENOUGH])) == RECORD:
                self._data = bytes(data)
                return True
            # a magic number may have begun in the last two bytes
            del data[: max(1, place) if place >= 0 else max(0, len(data) - len(GZIP) + 1)]

    def close(self):
        self._file.close()


def _unpacked_start(member: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(member, len(RECORD))
    except zlib.error:
        return b""


class Window:
    """What of a stream has been read and not taken."""

    def __init__(self, stream):
        self._stream, self._held = stream, bytearray()
        self._taken = 0  # bytes handed out
        self._again = 0  # how far bytes have been handed out twice

    def _more(self) -> bool:
        block = self._stream.read()
        self._held += block
        return bool(block)

    def _hand_out(self, length: int) -> bytes:
        data = bytes(self._held[:length])
        del self._held[:length]  # moves nothing
        self._taken += len(data)
        return data

    def take(self, length: int) -> bytes:
        """That many bytes; fewer at the end."""
        while len(self._held) < length and self._more():
            pass
        return self._hand_out(length)

    def skip(self, length: int) -> int:
        """Pass over that many bytes without holding them; how many there were."""
        left = length
        while left > len(self._held):
            left -= len(self._hand_out(len(self._held)))
            if not self._more():
                return length - left
        self._hand_out(left)
        return length

    def line(self, most: int) -> bytes:
        """The next line with its end, b"" at the end of all, or `most` bytes of a longer one."""
        while not (end := self._held.find(b"\n", 0, most) + 1):
            if len(self._held) >= most or not self._more():
                break
        return self._hand_out(end or most)

    def give_back(self, data: bytes) -> None:
        """Hand out again what was taken last; but no byte a third time, so that work is bounded."""
        if self._taken - len(data) >= self._again:
            self._again = self._taken
            self._taken -= len(data)
            self._held[:0] = data

    def find_record(self) -> bool:
        """Go on at the next line that begins a record; False if there is none."""
        found = self._held.startswith(RECORD)
        while not found:
            place = self._held.find(b"\n" + RECORD) + 1
            found = place > 0
            self._hand_out(place or max(0, len(self._held) - len(RECORD)))
            if not found and not self._more():
                self._hand_out(len(self._held))
                return False
        return True

    def after_damage(self) -> bool:
        """Go on behind broken packing, if the stream can."""
        self._held.clear()
        return self._stream.find_next()
