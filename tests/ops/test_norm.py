"""layer_norm and rms_norm against the formulas of their headers."""

import numpy as np
import pytest
from gptengine import _core
from hypothesis import given
from hypothesis import strategies as st
from ops.harness import DTYPES, NONE, assert_close, put, rounded, zeros
from reference.complex_step import vjp

EPS = 1e-5


def layer_norm(x, w, b):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * (((x - mean) ** 2).mean(-1, keepdims=True) + EPS) ** -0.5 * w + b


def rms_norm(x, w):
    return x * ((x * x).mean(-1, keepdims=True) + EPS) ** -0.5 * w


sizes = dict(
    N=st.integers(1, 70), C=st.one_of(st.integers(1, 40), st.sampled_from([64, 100, 130, 768]))
)


@pytest.mark.parametrize("dtype", DTYPES)
@given(**sizes)
def test_layer_norm_forward(dtype, N, C):
    rng = np.random.default_rng([N, C])
    x, w, b = rng.normal(size=(N, C)) + 3, rng.normal(size=C), rng.normal(size=C)
    y, mean, rstd = zeros(N, C, dtype=dtype), zeros(N), zeros(N)
    _core.layer_norm_forward(y, mean, rstd, put(x, dtype), put(w), put(b), EPS)
    want = layer_norm(rounded(x, dtype), rounded(w, "float32"), rounded(b, "float32"))
    # The subtraction of the mean amplifies rounding by |mean| / std; a row of one element has std 0.
    assert_close(y, want, dtype, terms=C + 64)
    _core.layer_norm_forward(y, mean, rstd, put(x, dtype), put(w), NONE, EPS)
    assert_close(y, want - rounded(b, "float32"), dtype, terms=C + 64)


@pytest.mark.parametrize("dtype", DTYPES)
@given(**sizes)
def test_rms_norm_forward(dtype, N, C):
    rng = np.random.default_rng([N, C])
    x, w = rng.normal(size=(N, C)), rng.normal(size=C)
    y, rstd = zeros(N, C, dtype=dtype), zeros(N)
    _core.rms_norm_forward(y, rstd, put(x, dtype), put(w), EPS)
    assert_close(y, rms_norm(rounded(x, dtype), rounded(w, "float32")), dtype, terms=C)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (3, 8), (5, 17), (2, 70)])
def test_backward_matches_complex_step(dtype, shape, rng):
    N, C = shape
    x, w, b, dy = (
        rng.normal(size=shape),
        rng.normal(size=C),
        rng.normal(size=C),
        rng.normal(size=shape),
    )
    x, dy = rounded(x, dtype), rounded(dy, dtype)
    y, mean, rstd = zeros(N, C, dtype=dtype), zeros(N), zeros(N)
    before = rng.normal(size=shape)  # backward adds
    dx, dw, db = put(before, dtype), zeros(C), zeros(C)
    _core.layer_norm_forward(y, mean, rstd, put(x, dtype), put(w), put(b), EPS)
    _core.layer_norm_backward(dx, dw, db, put(dy, dtype), put(x, dtype), put(w), mean, rstd)
    want_dx, want_dw, want_db = vjp(layer_norm, dy, x, w, b)
    assert_close(dx, want_dx + rounded(before, dtype), dtype, terms=64)
    assert_close(dw, want_dw, "float32", terms=64)
    assert_close(db, want_db, "float32", terms=64)

    dx, dw = put(before, dtype), zeros(C)
    _core.rms_norm_forward(y, rstd, put(x, dtype), put(w), EPS)
    _core.rms_norm_backward(dx, dw, put(dy, dtype), put(x, dtype), put(w), rstd)
    want_dx, want_dw = vjp(rms_norm, dy, x, w)
    assert_close(dx, want_dx + rounded(before, dtype), dtype, terms=64)
    assert_close(dw, want_dw, "float32", terms=64)


def test_wrong_shapes_name_both(rng):
    with pytest.raises(ValueError, match=r"rms_norm_forward: w \(9,\) must be \(8,\)"):
        _core.rms_norm_forward(zeros(3, 8), zeros(3), zeros(3, 8), zeros(9), EPS)
    with pytest.raises(ValueError, match=r"y \(3, 7\) must match x \(3, 8\)"):
        _core.rms_norm_forward(zeros(3, 7), zeros(3), zeros(3, 8), zeros(8), EPS)
    with pytest.raises(ValueError, match="dtype bfloat16 must match x dtype float32"):
        _core.rms_norm_forward(zeros(3, 8, dtype="bfloat16"), zeros(3), zeros(3, 8), zeros(8), EPS)
