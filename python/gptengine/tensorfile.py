"""Read and write safetensors files: a JSON header and the numbers, nothing that can run code.

The format is 8 bytes of header length, a JSON header `{name: {dtype, shape, data_offsets}}`, then
the data. It is read here rather than through the safetensors package because NumPy has no
bfloat16 and because an error should name the tensor, the file and both sizes.
"""

from __future__ import annotations

import json
import math
import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gptengine.files import atomic_write, let_go, parse_object

DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": np.uint16,  # the upper half of a float32
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U64": np.uint64,
    "U32": np.uint32,
    "U16": np.uint16,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
CODES = {np.dtype(t): code for code, t in DTYPES.items() if code != "BF16"}
MOST_AXES = 32  # that every NumPy has
LARGEST_HEADER = 100_000_000  # bytes; the limit of the format's own reader


def to_bfloat16(x: np.ndarray) -> np.ndarray:
    """The bits of float32 `x` rounded to the nearest bfloat16, ties to even, as uint16."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    rounded = (bits + (((bits >> 16) & 1) + np.uint32(0x7FFF))) >> 16
    quiet_nan = (bits >> 16) | 0x40  # rounding could carry a NaN's bits over to infinity
    return np.where(np.isnan(x), quiet_nan, rounded).astype(np.uint16)


def from_bfloat16(bits: np.ndarray) -> np.ndarray:
    """The float32 numbers whose upper halves are `bits`."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


class Later(NamedTuple):
    """A float32 tensor of this shape that `read()` gives when it is written."""

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]
    dtype = np.dtype(np.float32)

    @property
    def size(self) -> int:
        return math.prod(self.shape)


def write_tensors(path, arrays: dict, metadata: dict | None = None, dtype: str | None = None):
    """Write `arrays` to `path` atomically; `dtype` "bfloat16" or "float32" narrows the floats.

    Arrays may be views of any strides, or Later; one at a time is made contiguous. `metadata` maps
    strings to strings.
    """
    if dtype not in (None, "float32", "bfloat16"):
        raise ValueError(f"write_tensors: dtype {dtype!r} is none of float32, bfloat16")

    def code_of(array):
        if dtype and array.dtype.kind == "f":
            return "BF16" if dtype == "bfloat16" else "F32"
        if array.dtype not in CODES:
            raise ValueError(f"{path}: safetensors cannot hold dtype {array.dtype}")
        return CODES[array.dtype]

    header: dict = {"__metadata__": metadata} if metadata else {}
    offset = 0
    for name, array in arrays.items():
        size = array.size * np.dtype(DTYPES[code_of(array)]).itemsize
        header[name] = {
            "dtype": code_of(array),
            "shape": list(array.shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the data starts aligned

    def write(file):
        file.write(struct.pack("<Q", len(text)) + text)
        for name, array in arrays.items():
            array = array.read() if isinstance(array, Later) else array
            if header[name]["dtype"] == "BF16":
                array = to_bfloat16(array)
            array = np.ascontiguousarray(array, DTYPES[header[name]["dtype"]])
            file.write(array.reshape(-1).view(np.uint8).data)

    atomic_write(path, write)


class TensorFile:
    """A safetensors file, mapped into memory and checked; tensors are read-only views of it."""

    def __init__(self, path):
        self.path = Path(path)
        if not self.path.is_file():
            raise ValueError(f"{self.path}: no such file")
        size = self.path.stat().st_size
        if size < 8:
            raise ValueError(
                f"{self.path}: not a safetensors file: {size} bytes, a header needs at least 8"
            )
        with open(self.path, "rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._bytes = np.frombuffer(self._map, np.uint8)
        (length,) = struct.unpack("<Q", self._bytes[:8].tobytes())
        if length > min(size - 8, LARGEST_HEADER):
            raise ValueError(
                f"{self.path}: not a safetensors file, or truncated: the header claims "
                f"{length} bytes, the file holds {size - 8} after its first 8"
            )
        where = f"{self.path}: the safetensors header"
        header = parse_object(self._bytes[8 : 8 + length].tobytes(), where)
        self.metadata: dict = header.pop("__metadata__", None) or {}
        if not isinstance(self.metadata, dict):
            raise ValueError(f"{self.path}: the header's __metadata__ is not a JSON object")
        self._start = 8 + length
        self._entries = {name: self._checked(name, e, size) for name, e in header.items()}
        self._check_tiling(size - self._start)

    def _checked(self, name, entry, size):
        try:
            code, shape = entry["dtype"], tuple(entry["shape"])
            begin, end = entry["data_offsets"]
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{self.path}: tensor {name!r} has a malformed header entry") from None
        if len(shape) > MOST_AXES or any(type(n) is not int for n in (*shape, begin, end)):
            raise ValueError(f"{self.path}: tensor {name!r} has a malformed header entry")
        if any(not 0 <= n < 1 << 63 for n in shape):
            raise ValueError(f"{self.path}: tensor {name!r} has the impossible shape {shape}")
        if not isinstance(code, str) or code not in DTYPES:
            raise ValueError(
                f"{self.path}: tensor {name!r} has dtype {code!r}, which is none of "
                f"{', '.join(DTYPES)}"
            )
        want = math.prod(shape) * np.dtype(DTYPES[code]).itemsize
        if begin < 0 or end - begin != want or math.prod(n or 1 for n in shape) >= 1 << 59:
            raise ValueError(
                f"{self.path}: tensor {name!r} of shape {shape} and dtype {code} needs {want} "
                f"bytes, its entry gives {end - begin}"
            )
        if self._start + end > size:
            raise ValueError(
                f"{self.path}: tensor {name!r} ends at byte {self._start + end}, the file has "
                f"{size}: it is truncated"
            )
        return code, shape, begin, end

    def _check_tiling(self, size):
        """Tensors lie end to end, as the format demands: none reads another's bytes."""
        at, before = 0, "the header"
        for name, (_, _, begin, end) in sorted(self._entries.items(), key=lambda e: e[1][2:]):
            if begin != at:
                fault = "overlaps" if begin < at else "leaves a hole after"
                raise ValueError(
                    f"{self.path}: tensor {name!r} begins at byte {begin} of the data and {fault} "
                    f"{before}, which ends at {at}"
                )
            at, before = end, f"tensor {name!r}"
        if at != size:
            raise ValueError(
                f"{self.path}: the tensors end at byte {at} of the data, the file holds {size}"
            )

    def __contains__(self, name) -> bool:
        return name in self._entries

    def names(self) -> list[str]:
        return list(self._entries)

    def shape(self, name) -> tuple[int, ...]:
        return self._entries[name][1]

    def dtype(self, name) -> str:
        return self._entries[name][0]

    def __getitem__(self, name) -> np.ndarray:
        """The tensor; bfloat16 comes as a float32 copy, everything else as a read-only view."""
        array = self._view(name)
        return from_bfloat16(array) if self.dtype(name) == "BF16" else array

    def read_into(self, name, out: np.ndarray) -> None:
        """Write the tensor into float32 `out` of its shape, which may be a view of any strides.

        What float32 cannot hold becomes infinite.
        """
        array = self._view(name)
        if self.dtype(name) == "BF16":
            bits = out.view(np.uint32)
            bits[...] = array
            bits <<= 16
        else:
            with np.errstate(over="ignore"):
                out[...] = array
        begin, end = self._entries[name][2:]
        if end > begin:
            let_go(self._map, self._start + begin, end - begin)

    def _view(self, name) -> np.ndarray:
        """The tensor as it is stored, bfloat16 as its bits."""
        code, shape, begin, end = self._entries[name]
        raw = self._bytes[self._start + begin : self._start + end]
        if (self._start + begin) % np.dtype(DTYPES[code]).itemsize:
            raw = np.array(raw)  # foreign files may lack alignment
        return raw.view(DTYPES[code]).reshape(shape)
