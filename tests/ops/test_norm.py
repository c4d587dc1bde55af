"""layer_norm and rms_norm against the formulas of their headers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
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
    # Subtracting the mean amplifies rounding by |mean| / std; a row of one element has std 0.
    assert_close(y, want, dtype, terms=C + 64)
    _core.layer_norm_forward(y, mean, rstd, put(x, dtype), put(w), NONE, EPS)
    assert_close(y, want - rounded(b, "float32"), dtype, terms=C + 64)


@pytest.mark.parametrize("dtype", DTYPES)
@given(**sizes)
def test_rms_norm_forward(device, dtype, N, C):
    rng = np.random.default_rng([N, C])
    x, w = rng.normal(size=(N, C)), rng.normal(size=C)
    y, rstd = zeros(N, C, dtype=dtype, device=device), zeros(N, device=device)
    _core.rms_norm_forward(y, rstd, put(x, dtype, device), put(w, device=device), EPS)
    assert_close(y, rms_norm(rounded(x, dtype), rounded(w, "float32")), dtype, terms=C)


SHAPES = [(1, 1), (3, 8), (5, 17), (2, 70)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_layer_norm_backward_matches_complex_step(dtype, shape, rng):
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


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_rms_norm_backward_matches_complex_step(device, dtype, shape, rng):
    N, C = shape
    x, w, dy = rng.normal(size=shape), rng.normal(size=C), rng.normal(size=shape)
    x, dy = rounded(x, dtype), rounded(dy, dtype)
    before = rng.normal(size=shape)  # backward adds
    on = dict(dtype=dtype, device=device)
    y, rstd, dx, dw = (
        zeros(N, C, **on),
        zeros(N, device=device),
        put(before, **on),
        zeros(C, device=device),
    )
    w_put = put(w, device=device)
    _core.rms_norm_forward(y, rstd, put(x, **on), w_put, EPS)
    _core.rms_norm_backward(dx, dw, put(dy, **on), put(x, **on), w_put, rstd)
    want_dx, want_dw = vjp(rms_norm, dy, x, w)
    assert_close(dx, want_dx + rounded(before, dtype), dtype, terms=64)
    assert_close(dw, want_dw, "float32", terms=64)


def test_rms_norm_backward_repeats_bit_for_bit(device, rng):
    N, C = 300, 130
    x, dy, w = (put(rng.normal(size=s), device=device) for s in [(N, C), (N, C), C])
    y, rstd = zeros(N, C, device=device), zeros(N, device=device)
    _core.rms_norm_forward(y, rstd, x, w, EPS)
    results = []
    for _ in range(3):
        dx, dw = zeros(N, C, device=device), zeros(C, device=device)
        _core.rms_norm_backward(dx, dw, dy, x, w, rstd)
        results.append((dx.numpy(), dw.numpy()))
    for again in results[1:]:
        np.testing.assert_array_equal(results[0][0], again[0])
        np.testing.assert_array_equal(results[0][1], again[1])


def test_wrong_shapes_name_both(rng):
    with pytest.raises(ValueError, match=r"rms_norm_forward: w \(9,\) must be \(8,\)"):
        _core.rms_norm_forward(zeros(3, 8), zeros(3), zeros(3, 8), zeros(9), EPS)
    with pytest.raises(ValueError, match=r"y \(3, 7\) must match x \(3, 8\)"):
        _core.rms_norm_forward(zeros(3, 7), zeros(3), zeros(3, 8), zeros(8), EPS)
    with pytest.raises(ValueError, match="dtype bfloat16 must match x dtype float32"):
        _core.rms_norm_forward(zeros(3, 8, dtype="bfloat16"), zeros(3), zeros(3, 8), zeros(8), EPS)
    with pytest.raises(ValueError, match="rms_norm_forward: rstd is required"):
        _core.rms_norm_forward(zeros(3, 8), NONE, zeros(3, 8), zeros(8), EPS)
    with pytest.raises(ValueError, match="layer_norm_forward: w is required"):
        _core.layer_norm_forward(zeros(3, 8), zeros(3), zeros(3), zeros(3, 8), NONE, NONE, EPS)
    with pytest.raises(ValueError, match="rms_norm_backward: dw is required"):
        args = zeros(3, 8), NONE, zeros(3, 8), zeros(3, 8), zeros(8), zeros(3)
        _core.rms_norm_backward(*args)
