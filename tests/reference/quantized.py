"""Weights and inputs of few bits in NumPy: the formulas of cpp/ops/quantized.h."""

import numpy as np

GROUP = 32


def groups_of(x):
    """(rows, groups, 32), padded with zeros."""
    rows, K = x.shape
    padded = np.zeros((rows, -(-K // GROUP) * GROUP), np.float32)
    padded[:, :K] = x
    return padded.reshape(rows, -1, GROUP)


def quantize(w, bits):
    """Integers (O, groups, 32) and float16 scales (O, groups)."""
    w = groups_of(w)
    largest = np.take_along_axis(w, np.abs(w).argmax(-1)[..., None], -1)[..., 0]
    scale = np.abs(largest) / np.float32(127) if bits == 8 else largest / np.float32(-8)
    inverse = np.divide(np.float32(1), scale, out=np.zeros_like(scale), where=scale != 0)
    x = w * inverse[..., None]
    if bits == 8:
        q = np.trunc(x + np.copysign(np.float32(0.5), x))  # half away from zero
    else:
        q = np.minimum(np.floor(x + np.float32(8.5)), 15) - 8
    return q, scale.astype(np.float16)


def dequantize(q, scale, K):
    return (q * scale[..., None].astype(np.float32)).reshape(len(q), -1)[:, :K]


def quantize_inputs(x):
    x = groups_of(x)
    most = np.abs(x).max(-1, keepdims=True)
    inverse = np.divide(np.float32(127), most, out=np.zeros_like(most), where=most > 0)
    return np.rint(x * inverse), most[..., 0] / 127


def product(x, w, bits):
    """(M, O) float64, of what is left of x and w."""
    (q_w, scale_w), (q_x, scale_x) = quantize(w, bits), quantize_inputs(x)
    sums = np.einsum("mgk,ogk->mog", q_x.astype(np.float64), q_w.astype(np.float64))
    return np.einsum("mog,mg,og->mo", sums, scale_x, scale_w.astype(np.float64))
