"""add, scale and cast: one rounding each, so the results are exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from ops.harness import DTYPES, put, zeros

sizes = st.sampled_from([1, 2, 7, 15, 16, 17, 100, 32768, 32769, 70000])


@pytest.mark.parametrize("dtype", DTYPES)
@given(n=sizes)
def test_add(dtype, n):
    rng = np.random.default_rng(n)
    y, x = put(rng.normal(size=n), dtype), put(rng.normal(size=n), dtype)
    want = put(y.numpy() + x.numpy(), dtype).numpy()
    _core.add(y, x)
    assert np.array_equal(y.numpy(), want)


@pytest.mark.parametrize("dtype", DTYPES)
@given(n=sizes)
def test_scale(dtype, n):
    y = put(np.random.default_rng(n).normal(size=n), dtype)
    want = put(y.numpy() * np.float32(0.3), dtype).numpy()
    _core.scale(y, 0.3)
    assert np.array_equal(y.numpy(), want)


@pytest.mark.parametrize("to", DTYPES)
@pytest.mark.parametrize("dtype", DTYPES)
@given(n=sizes)
def test_cast(dtype, to, n):
    x = np.random.default_rng(n).normal(size=n).astype(np.float32)
    y = zeros(n, dtype=to)
    _core.cast_forward(y, put(x, dtype))
    assert np.array_equal(y.numpy(), put(put(x, dtype).numpy(), to).numpy())


def test_cast_rounds_to_even_and_keeps_what_is_not_a_number():
    one = 0x3F800000  # 1.0: halves of the last bf16 place, just above and below them
    bits = [one + 0x8000, one + 0x18000, one + 0x8001, one + 0x7FFF, 0x7F7FFFFF, 0x7F800000]
    x = np.array([*bits, 0xFF800000, 0x7F800001], np.uint32).view(np.float32)
    y = zeros(len(x), dtype="bfloat16")
    _core.cast_forward(y, _core.Tensor.share(x))
    got = y.numpy().view(np.uint32) >> 16
    want = [0x3F80, 0x3F82, 0x3F81, 0x3F80, 0x7F80, 0x7F80, 0xFF80]
    assert got[:-1].tolist() == want and np.isnan(y.numpy()[-1])


def test_errors_name_both():
    with pytest.raises(ValueError, match=r"add: x \(3,\) must be \(4,\)"):
        _core.add(zeros(4), zeros(3))
    with pytest.raises(ValueError, match="add: x dtype bfloat16 must be float32"):
        _core.add(zeros(4), zeros(4, dtype="bfloat16"))
    with pytest.raises(ValueError, match=r"cast_forward: y \(3,\) must be \(4,\)"):
        _core.cast_forward(zeros(3), zeros(4))
    with pytest.raises(ValueError, match="scale: dtype int32 must be float32 or bfloat16"):
        _core.scale(zeros(4, dtype="int32"), 2)
