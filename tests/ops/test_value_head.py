"""value_head against the formula of its header."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from ops.harness import DTYPES, assert_close, put, rounded, zeros


@pytest.mark.parametrize("dtype", DTYPES)
@given(
    N=st.sampled_from([1, 2, 31, 32, 33, 70]),
    C=st.sampled_from([1, 3, 16, 17, 64, 65, 130]),
)
def test_forward_and_backward(dtype, N, C):
    rng = np.random.default_rng([N, C])
    h, before = (rounded(rng.normal(size=(N, C)), dtype) for _ in range(2))
    w, dw, b, db, dv = (rounded(rng.normal(size=n), "float32") for n in (C, C, 1, 1, N))
    v = zeros(N)
    _core.value_head_forward(v, put(h, dtype), put(w), put(b))
    assert_close(v, h @ w + b, terms=C)
    tensors = put(before, dtype), put(dw), put(db)
    _core.value_head_backward(*tensors, put(dv), put(h, dtype), put(w))
    assert_close(tensors[0], before + np.outer(dv, w), dtype)
    assert_close(tensors[1], dw + dv @ h, terms=N)
    assert_close(tensors[2], db + dv.sum(), terms=N)


def test_errors_name_both():
    with pytest.raises(ValueError, match=r"value_head_forward: w \(9,\) must be \(8,\)"):
        _core.value_head_forward(zeros(3), zeros(3, 8), zeros(9), zeros(1))
    with pytest.raises(ValueError, match=r"value_head_backward: dh \(3, 7\) must be \(3, 8\)"):
        _core.value_head_backward(zeros(3, 7), zeros(8), zeros(1), zeros(3), zeros(3, 8), zeros(8))
