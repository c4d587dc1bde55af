"""What operator tests share: tensors in, arrays out, and how close a dtype has to be."""

import os
import subprocess
import sys

import numpy as np
import pytest

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


def assert_close(got, want, dtype="float32", terms=1, rounded_between=0):
    """Compare with the float64 truth: `terms` is how many products a sum has.

    Sums are float32 in every dtype, and only their error grows with the terms; what is stored is
    rounded once. rounded_between: how many of bfloat16's roundings of the largest value an operator
    adds that stores something on the way.
    """
    got = got.numpy() if isinstance(got, _core.Tensor) else got
    low = dtype == "bfloat16"
    scale = max(np.abs(want).max(), 1e-3) if np.size(want) else 0.0
    atol = 2.0**-24 * 8 * np.sqrt(terms) * scale + low * rounded_between * 2.0**-8 * scale
    np.testing.assert_allclose(got, want, rtol=2.0**-8 if low else 2.0**-20, atol=atol)


def run_under(isa, file):
    """GPTE_ISA is read once a process: run a file's other tests in a process of its own."""
    if isa == _core.isa() or "GPTE_ISA" in os.environ:
        pytest.skip("runs in this process")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", file],
        env={**os.environ, "GPTE_ISA": isa},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-3000:]
