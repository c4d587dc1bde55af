"""Tokens, and what comes with one number a token, as the engine takes them: flat and checked."""

from __future__ import annotations

import math

import numpy as np


def int_vector(array) -> np.ndarray:
    """Integers of any type and shape as a flat int32 array, refused where they do not fit."""
    array = np.asarray(array)
    _refuse_text(array)
    if array.dtype.kind not in "iu":
        raise ValueError(f"tokens: dtype {array.dtype} must be an integer type")
    if array.dtype != np.int32 and array.size:
        for value in (int(array.min()), int(array.max())):
            if not -(1 << 31) <= value < 1 << 31:
                raise ValueError(f"tokens: {value} does not fit 32 bits")
    return np.ascontiguousarray(array.reshape(-1), np.int32)


def ints(name: str, array, shape) -> np.ndarray:
    _check_shape(name, array, shape)
    return int_vector(array)


def types_or_none(types, shape) -> np.ndarray | None:
    return None if types is None else ints("types", types, shape)


def floats(name: str, array, shape) -> np.ndarray:
    _check_shape(name, array, shape)
    return np.ascontiguousarray(np.asarray(array).reshape(-1), np.float32)


def _refuse_text(array: np.ndarray) -> None:
    if array.dtype.kind in "SU":
        raise ValueError(
            f"tokens: {array.tolist()!r:.40} is text: encode it first, with a tokenizer's encode"
        )


def _check_shape(name: str, array, shape) -> None:
    """One number a token, in the shape of the tokens or flat: (T, B) would be other pairs."""
    if shape is not None and np.shape(array) not in (tuple(shape), (math.prod(shape),)):
        raise ValueError(f"{name}: shape {np.shape(array)} must be that of the tokens, {shape}")


def pack(tokens, segments) -> tuple[np.ndarray, np.ndarray]:
    """Flat tokens and their boundaries, both int32."""
    tokens = np.asarray(tokens)
    _refuse_text(tokens)
    if tokens.size == 0:
        raise ValueError(f"tokens: a batch of shape {tokens.shape} is empty")
    if segments is None:
        if tokens.ndim not in (1, 2):
            raise ValueError(f"tokens: shape {tokens.shape} must be (B, T) or (N,)")
        length = tokens.shape[-1]
        segments = np.arange(0, tokens.size + 1, length, dtype=np.int32)
    elif tokens.ndim != 1:
        raise ValueError(f"tokens: shape {tokens.shape} must be (N,) beside segments")
    return int_vector(tokens), int_vector(segments)
