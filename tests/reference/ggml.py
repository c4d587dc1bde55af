"""Blocks of ggml, a number at a time, after the loops that llama.cpp documents them with."""

import math
import struct

import numpy as np

f32 = np.float32


def half(block, at):
    return f32(struct.unpack_from("<e", block, at)[0])


def bit(block, at, i):
    return block[at + i // 8] >> i % 8 & 1


def nibble(block, at, j):
    """Of 32 numbers in 16 bytes, number j."""
    return block[at + j % 16] >> (4 if j >= 16 else 0) & 15


def q4_0(b):
    return [f32(nibble(b, 2, j) - 8) * half(b, 0) for j in range(32)]


def q4_1(b):
    return [f32(nibble(b, 4, j)) * half(b, 0) + half(b, 2) for j in range(32)]


def q5_0(b):
    return [f32((nibble(b, 6, j) + 16 * bit(b, 2, j)) - 16) * half(b, 0) for j in range(32)]


def q5_1(b):
    return [f32(nibble(b, 8, j) + 16 * bit(b, 4, j)) * half(b, 0) + half(b, 2) for j in range(32)]


def q8_0(b):
    return [f32(q) * half(b, 0) for q in struct.unpack_from("<32b", b, 2)]


def scale_and_minimum(b, group):
    """Six bits each, in bytes 4 to 15."""
    s = b[4:16]
    if group < 4:
        return s[group] & 63, s[group + 4] & 63
    low, high = s[group + 4], (s[group - 4] >> 6, s[group] >> 6)
    return (low & 15) | high[0] << 4, low >> 4 | high[1] << 4


def q4_k(b, fifth=None, start=16):
    out = []
    for group in range(8):
        scale, minimum = scale_and_minimum(b, group)
        for j in range(32):
            q = b[start + group // 2 * 32 + j] >> 4 * (group % 2) & 15
            q += 16 * (b[fifth + j] >> group & 1) if fifth else 0
            out.append(half(b, 0) * f32(scale) * f32(q) - half(b, 2) * f32(minimum))
    return out


def q5_k(b):
    return q4_k(b, fifth=16, start=48)


def q6_k(b):
    scales, out = struct.unpack_from("<16b", b, 192), []
    for i in range(256):
        side, j = divmod(i, 128)
        low = b[64 * side + j % 64] >> (4 if j >= 64 else 0) & 15
        high = b[128 + 32 * side + j % 32] >> j // 32 * 2 & 3
        out.append(half(b, 208) * f32(scales[i // 16]) * f32((low | high << 4) - 32))
    return out


DECODE = {
    "Q4_0": q4_0,
    "Q4_1": q4_1,
    "Q5_0": q5_0,
    "Q5_1": q5_1,
    "Q8_0": q8_0,
    "Q4_K": q4_k,
    "Q5_K": q5_k,
    "Q6_K": q6_k,
}


def encode_q8_0(x):
    scale = f32(max(abs(v) for v in x)) / f32(127)
    inverse = f32(1) / scale if scale else f32(0)
    codes = [float(v * inverse) for v in x]
    codes = [int(math.copysign(math.floor(abs(q) + 0.5), q)) for q in codes]
    return struct.pack("<e32b", scale, *codes)


def encode_q4_0(x):
    first = f32(0)
    for v in x:
        first = v if abs(v) > abs(first) else first
    scale = first / f32(-8)
    inverse = f32(1) / scale if scale else f32(0)
    codes = [min(15, int(f32(v * inverse) + f32(8.5))) for v in x]
    return struct.pack("<e16B", scale, *(codes[j] | codes[j + 16] << 4 for j in range(16)))


ENCODE = {"Q8_0": encode_q8_0, "Q4_0": encode_q4_0}
HALVES = {"Q4_1": (0, 2), "Q5_1": (0, 2), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,)}


def random_blocks(form, n, rng):
    """(n, bytes) of any bits, but for scales that are numbers."""
    raw = rng.integers(0, 256, (n, form.bytes), dtype=np.uint8)
    for at in HALVES.get(form.name, (0,)):
        raw[:, at : at + 2] = rng.normal(size=(n, 1)).astype("<f2").view(np.uint8)
    return raw
