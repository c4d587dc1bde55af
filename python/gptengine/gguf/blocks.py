"""The block formats of ggml: what the numbers of a tensor are in a GGUF file, in bits.

A row of a tensor is cut into blocks of 32 or 256 numbers, each with scales of its own. Numbers are
rounded as by the reference quantiser of llama.cpp, so the same weights give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gptengine.tensorfile import from_bfloat16, to_bfloat16

CHUNK = 1 << 18  # numbers that are decoded or encoded at a time: what lies between fits the cache


class Format(NamedTuple):
    """size: numbers in a block. bytes: of a block. decode, encode: (n, bytes) uint8 to and from
    (n, size) float32."""

    name: str
    code: int
    size: int
    bytes: int
    decode: Callable
    encode: Callable | None = None

    def bytes_of(self, count: int) -> int:
        """Bytes of `count` numbers, whole blocks of them."""
        assert count % self.size == 0
        return count // self.size * self.bytes


def decode(form: Format, raw: np.ndarray, out: np.ndarray) -> None:
    """Write the numbers of `raw`, uint8, to `out`, flat float32, of as many numbers."""
    step = CHUNK // form.size
    blocks, numbers = raw.reshape(-1, form.bytes), out.reshape(-1, form.size)
    for i in range(0, len(blocks), step):
        numbers[i : i + step] = form.decode(blocks[i : i + step])


def encode(form: Format, numbers: np.ndarray) -> np.ndarray:
    """The bytes of float32 `numbers`, whole blocks of them; ValueError where they do not fit."""
    return form.encode(np.ascontiguousarray(numbers, np.float32).reshape(-1, form.size))


def _half(raw):
    """(n, 2k) bytes of float16 as (n, k) float32."""
    return np.ascontiguousarray(raw).view("<f2").astype(np.float32)


def _nibbles(raw):
    """(n, k) bytes as (n, 2k) numbers: all lower halves, then all upper ones."""
    return np.concatenate([raw & 15, raw >> 4], axis=-1)


def _fifth_bits(raw):
    """(n, 4) bytes as (n, 32) numbers of 0 or 16."""
    return np.unpackbits(raw, axis=-1, bitorder="little") << 4


def _signed(codes, offset):
    return codes.view(np.int8) - np.int8(offset)


def _decode_q4_0(b):
    return _signed(_nibbles(b[:, 2:]), 8) * _half(b[:, :2])


def _decode_q4_1(b):
    return _nibbles(b[:, 4:]) * _half(b[:, :2]) + _half(b[:, 2:4])


def _decode_q5_0(b):
    return _signed(_nibbles(b[:, 6:]) | _fifth_bits(b[:, 2:6]), 16) * _half(b[:, :2])


def _decode_q5_1(b):
    codes = _nibbles(b[:, 8:]) | _fifth_bits(b[:, 4:8])
    return codes * _half(b[:, :2]) + _half(b[:, 2:4])


def _decode_q8_0(b):
    return b[:, 2:].view(np.int8) * _half(b[:, :2])


def _scales_and_minima(b):
    """Two (n, 8, 1): six bits each of the 12 bytes, times the block's own scale and minimum."""
    d, dmin, low, middle, high = _half(b[:, :2]), _half(b[:, 2:4]), b[:, 4:8], b[:, 8:12], b[:, 12:]
    scales = np.concatenate([low & 63, high & 15 | low >> 6 << 4], axis=1)
    minima = np.concatenate([middle & 63, high >> 4 | middle >> 6 << 4], axis=1)
    return (d * scales)[..., None], (dmin * minima)[..., None]


def _decode_q4_k(b):
    scales, minima = _scales_and_minima(b[:, :16])
    codes = _nibbles(b[:, 16:].reshape(-1, 4, 32)).reshape(-1, 8, 32)
    return (scales * codes - minima).reshape(-1, 256)


def _decode_q5_k(b):
    scales, minima = _scales_and_minima(b[:, :16])
    codes = _nibbles(b[:, 48:].reshape(-1, 4, 32)).reshape(-1, 8, 32)
    fifth = b[:, None, 16:48] >> np.arange(8, dtype=np.uint8)[:, None] & 1
    return (scales * (codes | fifth << 4) - minima).reshape(-1, 256)


def _decode_q6_k(b):
    low = _nibbles(b[:, :128].reshape(-1, 2, 64)).reshape(-1, 2, 4, 32)
    high = b[:, 128:192].reshape(-1, 2, 1, 32) >> np.arange(0, 8, 2, dtype=np.uint8)[:, None] & 3
    codes = _signed(low | high << 4, 32).reshape(-1, 16, 16)
    scales = _half(b[:, 208:]) * b[:, 192:208].view(np.int8)
    return (scales[..., None] * codes).reshape(-1, 256)


def _encode_q8_0(x):
    scale = np.abs(x).max(axis=1, keepdims=True) / np.float32(127)
    scaled = x * _inverse(scale)
    whole = np.trunc(scaled)
    away = np.abs(scaled - whole) >= 0.5  # C's roundf; NumPy rounds halves to even
    codes = whole + np.copysign(away, scaled)
    return np.concatenate([_as_half(scale), codes.astype(np.int8).view(np.uint8)], axis=1)


def _encode_q4_0(x):
    first = np.abs(x).argmax(axis=1)[:, None]
    largest = np.take_along_axis(x, first, axis=1) + np.float32(0)  # -0.0 counts as 0
    scale = largest / np.float32(-8)
    codes = np.minimum((x * _inverse(scale) + np.float32(8.5)).astype(np.uint8), 15)
    return np.concatenate([_as_half(scale), codes[:, :16] | codes[:, 16:] << 4], axis=1)


def _inverse(scale):
    return np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale != 0)


def _as_half(scale):
    """(n, 1) float32 as the two bytes of a float16."""
    with np.errstate(over="ignore"):
        half = scale.astype("<f2")
    if not np.isfinite(half).all():
        worst = float(np.abs(scale).max())
        raise ValueError(f"a block needs the scale {worst:g}, more than the 65504 of a float16")
    return half.view(np.uint8)


def _bytes(numbers):
    return numbers.view(np.uint8)


FORMATS = {
    form.name: form
    for form in (
        Format("F32", 0, 1, 4, lambda b: b.view("<f4"), _bytes),
        Format("F16", 1, 1, 2, _half),
        Format("Q4_0", 2, 32, 18, _decode_q4_0, _encode_q4_0),
        Format("Q4_1", 3, 32, 20, _decode_q4_1),
        Format("Q5_0", 6, 32, 22, _decode_q5_0),
        Format("Q5_1", 7, 32, 24, _decode_q5_1),
        Format("Q8_0", 8, 32, 34, _decode_q8_0, _encode_q8_0),
        Format("Q4_K", 12, 256, 144, _decode_q4_k),
        Format("Q5_K", 13, 256, 176, _decode_q5_k),
        Format("Q6_K", 14, 256, 210, _decode_q6_k),
        Format(
            "BF16",
            30,
            1,
            2,
            lambda b: from_bfloat16(b.view("<u2")),
            lambda x: _bytes(to_bfloat16(x)),
        ),
    )
}
BY_CODE = {form.code: form for form in FORMATS.values()}
UNREAD = {  # what others may have, for errors to name it
    9: "Q8_1",
    10: "Q2_K",
    11: "Q3_K",
    15: "Q8_K",
    16: "IQ2_XXS",
    17: "IQ2_XS",
    18: "IQ3_XXS",
    19: "IQ1_S",
    20: "IQ4_NL",
    21: "IQ3_S",
    22: "IQ2_S",
    23: "IQ4_XS",
    24: "I8",
    25: "I16",
    26: "I32",
    27: "I64",
    28: "F64",
    29: "IQ1_M",
    34: "TQ1_0",
    35: "TQ2_0",
    39: "MXFP4",
}
