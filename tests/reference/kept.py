"""What a cache of another type keeps of keys and values: kernels/cache_rows.h has the formula."""

import numpy as np

from gptengine.tensorfile import from_bfloat16, to_bfloat16

GROUP = 32


def row(kept, D):
    """Elements of a kept row of D elements."""
    return 4 * -(-D // GROUP) + D if kept == "q8" else D


def kept(x, kind):
    """Float32 rows (..., D) as they are read back in float32."""
    if kind == "bfloat16":
        return from_bfloat16(to_bfloat16(x))
    if kind == "float32":
        return x
    out = np.empty_like(x)
    for c in range(0, x.shape[-1], GROUP):
        group = x[..., c : c + GROUP]
        scale = np.abs(group).max(-1, keepdims=True) / np.float32(127)
        q = np.rint(np.divide(group, scale, where=scale > 0, out=np.zeros_like(group)))
        out[..., c : c + GROUP] = scale * q
    return out
