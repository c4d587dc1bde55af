"""The tensors of a GGUF file: mapped and checked when they are read, written a piece at a time.

Behind the keys stand of each tensor its name, its sizes (of a row first), the code of its format
and where it begins in the data, which follows aligned.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gptengine.files import atomic_write, let_go
from gptengine.gguf import blocks, metadata

ALIGNMENT = 32  # bytes, where general.alignment does not say another
MOST_AXES = 4
LEAST_INFO = 24  # bytes of a tensor's entry: an empty name, no sizes


class Tensor(NamedTuple):
    """Where a tensor lies in its file: `size` bytes from `begin` on."""

    shape: tuple[int, ...]
    form: blocks.Format
    begin: int
    size: int


class GgufFile:
    """A GGUF file, mapped into memory and checked.

    metadata: its keys, as read_metadata gives them. tensors: by name, in the order of the file.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._map = metadata.mapped(self.path)
        reader = metadata.Reader(self._map)
        try:
            count, self.metadata = reader.header()
            self.tensors = _tensors(reader, count, self._alignment(), len(self._map))
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None

    def raw(self, name: str) -> np.ndarray:
        """The bytes of a tensor, a read-only view of the file."""
        tensor = self.tensors[name]
        return np.frombuffer(self._map, np.uint8, tensor.size, tensor.begin)

    def let_go(self, name: str) -> None:
        """Say that a tensor is read."""
        tensor = self.tensors[name]
        if tensor.size:
            let_go(self._map, tensor.begin, tensor.size)

    def __getitem__(self, name: str) -> np.ndarray:
        """The numbers of a tensor, float32."""
        out = np.empty(self.tensors[name].shape, np.float32)
        blocks.decode(self.tensors[name].form, self.raw(name), out.reshape(-1))
        return out

    def _alignment(self) -> int:
        value = self.metadata.get("general.alignment", ALIGNMENT)
        if type(value) is not int or not 0 < value < 1 << 32 or value & (value - 1):
            raise ValueError(f"general.alignment is {value!r:.40}, not a power of two")
        return value


def _tensors(reader, count: int, alignment: int, size: int) -> dict[str, Tensor]:
    """The tensors by name; each lies whole in the file, aligned, and on no other."""
    if count * LEAST_INFO > size - reader.at:
        raise ValueError(
            f"{count} tensors need {count * LEAST_INFO} bytes, but the file has "
            f"{size - reader.at} more"
        )
    found = {}
    for i in range(count):
        reader.what = f"tensor {i}"
        name = reader.string(metadata.LONGEST_NAME)
        if name in found:
            raise ValueError(f"the tensor {name!r:.100} stands there twice")
        reader.what = f"the tensor {name!r:.100}"
        found[name] = _tensor(reader)
    start = -(-reader.at // alignment) * alignment
    end, before = start, ""
    for name, tensor in sorted(found.items(), key=lambda item: (item[1].begin, item[1].size)):
        what, begin = f"the tensor {name!r:.100}", start + tensor.begin
        if tensor.begin % alignment:
            raise ValueError(f"{what} begins at {tensor.begin}, not a multiple of {alignment}")
        if begin + tensor.size > size:
            raise ValueError(
                f"{what} ends at byte {begin + tensor.size}, the file has {size}: it is truncated"
            )
        if begin < end:
            raise ValueError(f"{what} begins at byte {begin}, before the end {end} of {before}")
        end, before = begin + tensor.size, what
        found[name] = tensor._replace(begin=begin)
    return found


def _tensor(reader) -> Tensor:
    """The next entry; its begin counts from that of the data."""
    axes = reader.number("<u4")
    if not 0 < axes <= MOST_AXES:
        raise ValueError(f"{reader.what} has {axes} axes, not 1 to {MOST_AXES}")
    shape = tuple(reader.number("<u8") for _ in range(axes))[::-1]
    code, begin = reader.number("<u4"), reader.number("<u8")
    form = blocks.BY_CODE.get(code)
    if form is None:
        raise ValueError(
            f"{reader.what} is in the format {blocks.UNREAD.get(code, code)}, which is not "
            f"supported, only {', '.join(blocks.FORMATS)}"
        )
    if min(shape) < 1 or shape[-1] % form.size:
        raise ValueError(
            f"{reader.what} has the shape {shape}, but {form.name} needs rows of a multiple of "
            f"{form.size}"
        )
    return Tensor(shape, form, begin, form.bytes_of(math.prod(shape)))


class Entry(NamedTuple):
    """A tensor to be written: read(begin, end) gives those of its rows, float32."""

    name: str
    shape: tuple[int, ...]
    form: blocks.Format
    read: Callable

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self.form.bytes_of(math.prod(self.shape))


def write(path, keys: dict, entries: list[Entry]) -> None:
    """Write a GGUF file atomically; no more than a few rows at a time are held."""
    infos, offset = [metadata.header(keys, len(entries))], 0
    for entry in entries:
        sizes = struct.pack(f"<I{len(entry.shape)}Q", len(entry.shape), *entry.shape[::-1])
        place = struct.pack("<IQ", entry.form.code, offset)
        infos += [metadata.string(entry.name), sizes, place]
        offset += entry.size + -entry.size % ALIGNMENT
    head = b"".join(infos)

    def write(file):
        file.write(head + bytes(-len(head) % ALIGNMENT))
        for entry in entries:
            step = max(1, blocks.CHUNK // math.prod(entry.shape[1:]))
            for i in range(0, entry.shape[0], step):
                rows = entry.read(i, min(i + step, entry.shape[0]))
                file.write(_encoded(entry, rows).data)
            file.write(bytes(-entry.size % ALIGNMENT))

    atomic_write(path, write)


def _encoded(entry, rows):
    try:
        return blocks.encode(entry.form, rows).reshape(-1)
    except ValueError as error:
        raise ValueError(f"gguf: {entry.name} as {entry.form.name}: {error}") from None
