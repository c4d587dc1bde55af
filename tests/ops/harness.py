"""What operator tests share: tensors in, arrays out, and how close a dtype has to be."""

import numpy as np

from gptengine import _core

DTYPES = ["float32", "bfloat16"]
NONE = _core.Tensor()  # an optional argument that is absent


def put(array, dtype="float32", device="cpu"):
    """A Tensor holding a copy of array, rounded to dtype."""
    tensor = _core.Tensor.copy_of(np.asarray(array, np.float32), dtype)
    return tensor if device == "cpu" else tensor.to(device)


def zeros(*shape, dtype="float32", device="cpu"):
    return _core.Tensor(list(shape), dtype, device)


def ints(array):
    """An int32 Tensor sharing memory with a new array."""
    return _core.Tensor.share(np.array(array, np.int32))


def rounded(array, dtype):
    """The float64 values that a tensor holds after `put`: what the reference must start from."""
    return put(array, dtype).numpy().astype(np.float64)


def assert_close(got, want, dtype="float32", terms=1):
    """Compare with the float64 truth: `terms` is how many products a sum has."""
    got = got.numpy() if isinstance(got, _core.Tensor) else got
    unit = 2.0**-24 if dtype == "float32" else 2.0**-9
    scale = np.abs(want).max() if np.size(want) else 0.0
    atol = unit * 8 * np.sqrt(terms) * max(scale, 1e-3)
    np.testing.assert_allclose(got, want, rtol=unit * 16, atol=atol)
