"""Copies of slots of the key-value cache."""

import numpy as np
import pytest

from gptengine import _core
from ops.harness import DTYPES, ints, put, zeros


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (5, 3, 7, 5), (9, 2, 130, 64)])
def test_the_first_tokens_of_slots_are_copied(shape, dtype, rng):
    S, _, T, _ = shape
    cache = put(rng.normal(size=shape), dtype)
    slots = rng.permutation(S)
    targets, others = slots[: S // 2], slots[S // 2 :]
    sources = rng.choice(others, size=len(targets))  # one may be copied twice
    lengths = rng.integers(T + 1, size=len(targets))
    want = cache.numpy().copy()
    for source, target, length in zip(sources, targets, lengths, strict=True):
        want[target, :, :length] = want[source, :, :length]
    _core.kv_cache_copy(cache, ints(sources), ints(targets), ints(lengths))
    np.testing.assert_array_equal(cache.numpy(), want)


@pytest.mark.parametrize(
    "sources, targets, lengths, says",
    [
        ([0], [3], [1], r"targets\[0\] = 3 must be in \[0, 3\)"),
        ([-1], [0], [1], r"sources\[0\] = -1 must be in \[0, 3\)"),
        ([0], [1], [5], r"lengths\[0\] = 5 must be in \[0, 5\)"),
        ([0, 1], [2, 0], [1, 1], r"targets\[1\] = 0 is also sources\[0\]"),
        ([0, 0], [2, 2], [1, 1], r"targets\[0\] = 2 is also targets\[1\]"),
        ([0, 0], [2], [1], r"targets \(1,\) must be \(2,\)"),
    ],
)
def test_what_cannot_be_copied_is_named(sources, targets, lengths, says):
    with pytest.raises(ValueError, match="kv_cache_copy: " + says):
        _core.kv_cache_copy(zeros(3, 1, 4, 2), ints(sources), ints(targets), ints(lengths))
