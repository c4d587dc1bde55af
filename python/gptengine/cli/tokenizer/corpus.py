"""The text that a vocabulary is learned from, and the part of it that is kept to measure on."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gptengine.data import documents
from gptengine.data.documents import find_files, is_plain, read_documents
from gptengine.files import explained
from gptengine.tokenizer.fertility import MOST, whole_characters
from gptengine.tokenizer.training import FileStart

LONG = 1 << 16  # bytes of a document of which the end is held out; of shorter ones, some as a whole
LARGE = 1 << 24  # bytes of a plain file that is never held as a whole
MOST_HELD = 1 << 22  # bytes that are kept of one source
WIDEST = 4  # bytes of a character
UNPACKED = 3  # times as much text as .gz file, where the file does not say it


class Source:
    """A file, folder or pipe: the texts to learn from, and after them what was held out.

    name    as it was given              files   its text files
    size    bytes of text, for packed files about that many
    copy    of what came through a pipe, or None: it goes when the source does
    """

    def __init__(self, name: str, field: str, held_out: float):
        self.name, self.copy = name, copy_of_pipe(name) if is_pipe(name) else None
        self._path = self.copy.name if self.copy else name
        self.files = find_files(self._path)
        self.size = sum(map(text_size, self.files))
        self.packed = not all(map(is_plain, self.files))
        self.held_bytes = 0
        self._field, self._share = field, held_out
        self._held: list[bytes] = []

    def warnings(self) -> Iterator[str]:
        for path, says in documents.warnings(self._path):
            yield f"{self.name if self.copy else path}: {says}"

    def to_learn_from(self) -> Iterator:
        """The texts, bytes or the starts of files, without what is held out."""
        self._held, self.held_bytes = [], 0
        for number, text in enumerate(self._documents(), 1):
            if not self._share or self.held_bytes >= MOST_HELD:
                yield text
            elif len(text) >= LONG:
                cut = self._cut(text)
                self._hold(part(text, cut, cut + MOST_HELD))
                yield FileStart(text.path, cut) if isinstance(text, FileStart) else text[:cut]
            elif number % round(1 / self._share) == 0:
                self._hold(text)
            else:
                yield text

    def to_measure_on(self) -> Iterator[bytes]:
        """What was held out; where that is nothing, the texts themselves."""
        if self._held:
            return iter(self._held)
        return (part(text, 0, len(text)) for text in self._documents())

    def _hold(self, text):
        self._held.append(text)
        self.held_bytes += len(text)

    def _cut(self, text):
        """A line's end near which the share to hold out begins, or a character's."""
        end = round(len(text) * (1 - self._share))
        near = part(text, max(0, end - (1 << 12)), end)
        line = near.rfind(b"\n") + 1
        if line:
            return end - len(near) + line
        while end and b"\x80" <= part(text, end, end + 1) < b"\xc0":
            end -= 1
        return end

    def _documents(self):
        for path in self.files:
            size = path.stat().st_size
            if is_plain(path) and size >= LARGE:
                yield FileStart(path, size)
            else:
                yield from read_documents(path, self._field)


def is_pipe(name: str) -> bool:
    """Whether text comes through a pipe, or from standard input (-), and can be read only once."""
    return name == "-" or Path(name).is_fifo()


def copy_of_pipe(name: str):
    """A temporary file of what a pipe gives: it is read to learn from and to measure on."""
    copy = tempfile.NamedTemporaryFile(suffix=".txt")
    stdin = contextlib.nullcontext(sys.stdin.buffer)
    with stdin if name == "-" else open(name, "rb") as pipe, explained(copy.name):
        shutil.copyfileobj(pipe, copy)
        copy.flush()
    return copy


def part(text: bytes | FileStart, start: int, end: int) -> bytes:
    """Bytes out of a text."""
    if not isinstance(text, FileStart):
        return text[start:end]
    with open(text, "rb") as file:
        file.seek(start)
        return file.read(min(end, text.size) - start)


def first_texts(name: str, field: str, most: int = MOST) -> Iterator[bytes]:
    """The first `most` bytes of the documents of a file or folder."""
    for path in find_files(name):
        for text in _texts(path, field, most):
            text = text[: whole_characters(text, most)]
            most -= len(text)
            yield text
            if most < WIDEST:  # what is left may be less than a character
                return


def _texts(path, field, most):
    if not is_plain(path):
        return read_documents(path, field)
    with open(path, "rb") as file:
        return [file.read(most + WIDEST)]


def text_size(path: Path) -> int:
    """Bytes of a text file, of a packed one about as many as it unpacks to."""
    size = path.stat().st_size
    if path.suffix != ".gz" or size < 18:
        return size
    with open(path, "rb") as file:
        file.seek(-4, 2)
        unpacked = int.from_bytes(file.read(), "little")  # modulo 2**32, and of the last member
    return unpacked if unpacked > size else UNPACKED * size
