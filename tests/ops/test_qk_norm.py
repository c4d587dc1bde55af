"""Norms of query and key heads against the formula of ops/qk_norm.h."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from ops.harness import DTYPES, assert_close, put, rounded, zeros
from reference.complex_step import vjp

EPS = 1e-6


def qk_norm(x, w_q, w_k, heads, kv_heads):
    D = len(w_q)
    h = x.reshape(len(x), heads + 2 * kv_heads, D)
    q, k, v = np.split(h, [heads, heads + kv_heads], axis=1)
    norm = lambda t, w: t * ((t * t).mean(-1, keepdims=True) + EPS) ** -0.5 * w
    return np.concatenate([norm(q, w_q), norm(k, w_k), v], axis=1).reshape(x.shape)


def forward(x, w_q, w_k, heads, kv_heads, dtype):
    N = len(x)
    y, q_rstd, k_rstd = zeros(*x.shape, dtype=dtype), zeros(N, heads), zeros(N, kv_heads)
    _core.qk_norm_forward(
        y, q_rstd, k_rstd, put(x, dtype), put(w_q), put(w_k), heads, kv_heads, EPS
    )
    return y, q_rstd, k_rstd


@pytest.mark.parametrize("dtype", DTYPES)
@given(
    N=st.sampled_from([1, 2, 63, 64, 65, 130]),
    heads=st.sampled_from([1, 3]),
    kv_heads=st.sampled_from([1, 2]),
    D=st.sampled_from([1, 2, 16, 17, 64]),
)
def test_forward(dtype, N, heads, kv_heads, D):
    rng = np.random.default_rng([N, heads, kv_heads, D])
    x = rounded(rng.normal(size=(N, (heads + 2 * kv_heads) * D)), dtype)
    w_q, w_k = rounded(rng.normal(size=(2, D)), "float32")
    y, *_ = forward(x, w_q, w_k, heads, kv_heads, dtype)
    assert_close(y, qk_norm(x, w_q, w_k, heads, kv_heads), dtype, terms=D)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("N, heads, kv_heads, D", [(1, 1, 1, 1), (3, 2, 1, 8), (2, 3, 2, 17)])
def test_backward_matches_complex_step(dtype, N, heads, kv_heads, D, rng):
    x = rounded(rng.normal(size=(N, (heads + 2 * kv_heads) * D)), dtype)
    dy = rounded(rng.normal(size=x.shape), dtype)
    w_q, w_k = rounded(rng.normal(size=(2, D)), "float32")
    before = rounded(rng.normal(size=(2, D)), "float32")  # the weights' gradients are added
    _, q_rstd, k_rstd = forward(x, w_q, w_k, heads, kv_heads, dtype)
    dx, dw_q, dw_k = zeros(*x.shape, dtype=dtype), put(before[0]), put(before[1])
    inputs = [put(dy, dtype), put(x, dtype), put(w_q), put(w_k), q_rstd, k_rstd]
    _core.qk_norm_backward(dx, dw_q, dw_k, *inputs, heads, kv_heads)
    f = lambda x, w_q, w_k: qk_norm(x, w_q, w_k, heads, kv_heads)
    want_dx, want_dw_q, want_dw_k = vjp(f, dy, x, w_q, w_k)
    assert_close(dx, want_dx, dtype, terms=64)
    assert_close(dw_q, before[0] + want_dw_q, terms=64)
    assert_close(dw_k, before[1] + want_dw_k, terms=64)


def test_weight_gradients_do_not_depend_on_threads(rng):
    N, heads, kv_heads, D = 300, 2, 1, 16
    x, dy = rng.normal(size=(2, N, 4 * D))
    w = np.ones(D)
    _, q_rstd, k_rstd = forward(x, w, w, heads, kv_heads, "float32")
    got, threads = [], _core.threads()
    try:
        for n in 1, 2, 5:
            _core.set_threads(n)
            dx, dw_q, dw_k = zeros(*x.shape), zeros(D), zeros(D)
            inputs = [put(dy), put(x), put(w), put(w), q_rstd, k_rstd]
            _core.qk_norm_backward(dx, dw_q, dw_k, *inputs, heads, kv_heads)
            got.append(np.concatenate([t.numpy().ravel() for t in (dx, dw_q, dw_k)]))
    finally:
        _core.set_threads(threads)
    assert np.array_equal(got[0], got[1]) and np.array_equal(got[0], got[2])


def test_errors_name_both():
    x, w, r = zeros(3, 32), zeros(8), zeros(3, 2)
    with pytest.raises(ValueError, match=r"qk_norm_forward: x \(3, 32\) must be \(3, 48\)"):
        _core.qk_norm_forward(zeros(3, 32), r, r, x, w, w, 2, 2, EPS)
    with pytest.raises(ValueError, match=r"k_rstd \(3, 2\) must be \(3, 1\)"):
        _core.qk_norm_forward(zeros(3, 32), r, r, x, w, w, 2, 1, EPS)
    with pytest.raises(ValueError, match="y must not be x"):
        _core.qk_norm_forward(x, r, zeros(3, 1), x, w, w, 2, 1, EPS)
