"""What the tests of the model share: a Model with given weights, and how far it is from the truth."""

import numpy as np

from gptengine import Model


def engine(c, p, dtype="float32", recompute=0):
    """A Model of config `c` with the weights `p`."""
    model = Model(c, dtype=dtype, recompute=recompute)
    model.load_parameters({name: array.astype(np.float32) for name, array in p.items()})
    return model


def error(got, want):
    """The largest difference relative to the largest true value."""
    return np.abs(np.asarray(got, np.float64) - want).max() / max(np.abs(want).max(), 1e-30)


def bits(*arrays):
    """Arrays as one byte string: -0.0 differs from 0.0, and a NaN equals itself."""
    return b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
