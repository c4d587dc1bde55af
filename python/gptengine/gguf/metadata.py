"""Read and write the metadata of GGUF files: keys and their values.

The format is magic, version, numbers of tensors and of keys, then of each key its name, the code of
its type and its value. No length in it is believed before the file is known to be that long.
Tensors follow, of which tensors.py knows.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

import numpy as np

from gptengine.files import atomic_write

MAGIC = b"GGUF"
VERSIONS = (2, 3)
BOOL, STRING, ARRAY = 7, 8, 9
NUMBERS = {  # by their code in the file
    0: "<u1",
    1: "<i1",
    2: "<u2",
    3: "<i2",
    4: "<u4",
    5: "<i4",
    6: "<f4",
    10: "<u8",
    11: "<i8",
    12: "<f8",
}
CODES = {np.dtype(t): code for code, t in NUMBERS.items()}
LONGEST_NAME = 65535  # bytes
DEEPEST = 4  # arrays in arrays
MOST_KEYS = 1 << 16
MOST_ITEMS = 1 << 22  # in lists, all together; arrays of numbers may be as long as the file
MOST_NESTED = 1 << 16  # arrays in arrays, all together


def read_metadata(path) -> dict:
    """The values by key: bool, int, float, str, NumPy arrays of numbers, lists of the others."""
    with mapped(path) as data:
        try:
            return Reader(data).header()[1]
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


def write_metadata(path, metadata) -> None:
    """Write a GGUF file of these keys and no tensors."""
    atomic_write(path, header(metadata, 0))


def mapped(path) -> mmap.mmap:
    """The bytes of a file that begins as GGUF files do."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ValueError(f"{path}: not a GGUF file: it must begin with {MAGIC!r}")
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def header(metadata, tensors: int) -> bytes:
    """What a file with so many tensors begins with.

    An int is written as uint32 where it fits, else as int32, uint64 or int64; a NumPy scalar or
    array keeps its type.
    """
    parts = [MAGIC, struct.pack("<IQQ", VERSIONS[-1], tensors, len(metadata))]
    for key, value in metadata.items():
        try:
            code, raw = _encoded(value)
        except (TypeError, OverflowError) as error:
            raise ValueError(f"gguf: {key}: {error}") from None
        parts += [string(key), struct.pack("<I", code), raw]
    return b"".join(parts)


class Reader:
    """Walks through the bytes from `at` on; `what` is what an error speaks of."""

    def __init__(self, data):
        self._data, self.at, self.what = data, 0, "the header"
        self._items, self._nested = 0, 0

    def header(self):
        """The number of tensors, and the metadata."""
        self.take(len(MAGIC))
        version = self.number("<u4")
        if version not in VERSIONS:
            raise ValueError(f"GGUF version {version} is none of {VERSIONS}")
        tensors = self.number("<u8")
        keys, metadata = self.number("<u8"), {}
        if keys > MOST_KEYS:
            raise ValueError(f"{keys} keys are more than {MOST_KEYS}")
        for i in range(keys):
            self.what = f"key {i}"
            key = self.string(LONGEST_NAME)
            if key in metadata:
                raise ValueError(f"the key {key!r:.100} stands there twice")
            self.what = f"{key!r:.100}"
            metadata[key] = self._value(self.number("<u4"), 0)
        return tensors, metadata

    def take(self, size):
        """The place of the next `size` bytes."""
        start, left = self.at, len(self._data) - self.at
        if size > left:
            raise ValueError(f"{self.what} needs {size} bytes, but the file has {left} more")
        self.at += size
        return start

    def number(self, dtype):
        start = self.take(np.dtype(dtype).itemsize)
        return np.frombuffer(self._data[start : self.at], dtype)[0].item()

    def string(self, most=None):
        size = self.number("<u8")
        if most is not None and size > most:
            raise ValueError(f"{self.what} has a name of {size} bytes; at most {most} are allowed")
        start = self.take(size)
        try:
            return self._data[start : self.at].decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.what} is not UTF-8: {error}") from None

    def _value(self, code, depth):
        if code in NUMBERS:
            return self.number(NUMBERS[code])
        if code == BOOL:
            return bool(self.number("<u1"))
        if code == STRING:
            return self.string()
        if code != ARRAY:
            raise ValueError(f"{self.what} has the unknown type {code}")
        if depth == DEEPEST:
            raise ValueError(f"{self.what} has more than {DEEPEST} arrays in each other")
        return self._array(depth)

    def _array(self, depth):
        code, count = self.number("<u4"), self.number("<u8")
        if code in NUMBERS or code == BOOL:
            dtype = np.dtype(NUMBERS.get(code, "<u1"))
            start = self.take(count * dtype.itemsize)
            if code == BOOL:
                self._count(count)
            values = np.frombuffer(self._data[start : self.at], dtype)
            return (values != 0).tolist() if code == BOOL else values
        least = 12 if code == ARRAY else 8  # bytes of an item
        if count * least > len(self._data) - self.at:
            self.take(count * least)  # says that the file is too short
        self._count(count)
        if code == STRING:
            return self._strings(count)
        self._nested += count
        if self._nested > MOST_NESTED:
            raise ValueError(
                f"{self.what} brings the arrays in arrays to {self._nested}; at most "
                f"{MOST_NESTED} are allowed"
            )
        return [self._value(code, depth + 1) for _ in range(count)]

    def _count(self, count):
        self._items += count
        if self._items > MOST_ITEMS:
            raise ValueError(
                f"{self.what} brings the items of lists to {self._items}; at most {MOST_ITEMS} "
                "are allowed"
            )

    def _strings(self, count):
        """string() many times, quickly."""
        data, at, end, sizes = self._data, self.at, len(self._data), struct.Struct("<Q")
        out = []
        for i in range(count):
            start = at + 8
            if start > end or (at := start + sizes.unpack_from(data, at)[0]) > end:
                raise ValueError(f"item {i} of {self.what} is longer than the file")
            out.append(data[start:at])
        self.at = at
        try:
            return [item.decode() for item in out]
        except UnicodeDecodeError as error:
            raise ValueError(f"an item of {self.what} is not UTF-8: {error}") from None


def string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _encoded(value):
    """The code of its type and the bytes of a value."""
    if isinstance(value, (bool, np.bool_)):
        return BOOL, bytes([value])
    if isinstance(value, str):
        return STRING, string(value)
    if isinstance(value, (list, tuple)):
        if not all(isinstance(item, str) for item in value):
            raise TypeError("a list must be of str; numbers go into a NumPy array")
        head = struct.pack("<IQ", STRING, len(value))
        return ARRAY, head + b"".join(map(string, value))
    if isinstance(value, np.ndarray):
        return ARRAY, struct.pack("<IQ", _code(value.dtype), value.size) + _bytes(value)
    if isinstance(value, int):
        ranges = [(np.uint32, 0, 1 << 32), (np.int32, -(1 << 31), 0)]
        ranges += [(np.uint64, 0, 1 << 64), (np.int64, -(1 << 63), 0)]
        fits = [t for t, least, end in ranges if least <= value < end]
        if not fits:
            raise OverflowError(f"{value} does not fit 64 bits")
        value = fits[0](value)
    elif isinstance(value, float) and not isinstance(value, np.generic):
        with np.errstate(over="ignore"):
            narrow = np.float32(value)
        if np.isinf(narrow) and not np.isinf(value):
            raise OverflowError(f"{value} does not fit 32 bits")
        value = narrow
    if not isinstance(value, np.generic):
        raise TypeError(f"GGUF has no type for {type(value).__name__}")
    return _code(value.dtype), _bytes(value)


def _code(dtype):
    if dtype.newbyteorder("<") not in CODES:
        raise TypeError(f"GGUF has no type for {dtype}")
    return CODES[dtype.newbyteorder("<")]


def _bytes(value):
    return np.ascontiguousarray(value, value.dtype.newbyteorder("<")).tobytes()
