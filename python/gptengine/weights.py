"""Weights, gradients and moments by name: arrays in the engine's memory, and copies into them."""

from __future__ import annotations

import numpy as np


def arrays_of(tensors) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def copy_into(mine: dict[str, np.ndarray], theirs: dict[str, np.ndarray], kind: str) -> None:
    """Write arrays over those of the same names; what does not fit changes nothing.

    kind: what they are called in errors.
    """
    if missing := sorted(mine.keys() - theirs.keys()):
        raise ValueError(f"{kind} {missing[0]!r} is missing")
    if foreign := sorted(theirs.keys() - mine.keys()):
        raise ValueError(f"{kind} {foreign[0]!r} is not part of this model")
    for name, array in theirs.items():
        if array.shape != mine[name].shape:
            raise ValueError(f"{kind} {name!r}: shape {array.shape} must be {mine[name].shape}")
        if not np.isfinite(array).all():
            raise ValueError(
                f"{kind} {name!r}: {int((~np.isfinite(array)).sum())} values are not finite"
            )
    for name, array in theirs.items():
        mine[name][...] = array
