"""Rotary positions against the formula of ops/rope.h."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from ops.harness import DTYPES, assert_close, ints, put, rounded, zeros
from reference.complex_step import vjp

T = 40
sizes = dict(
    N=st.sampled_from([1, 2, 15, 16, 17, 50]),
    heads=st.sampled_from([1, 2, 3]),
    kv_heads=st.sampled_from([0, 1, 2]),
    half=st.sampled_from([1, 3, 8, 16, 17, 32]),
)


def tables(half):
    cos, sin = zeros(T, half), zeros(T, half)
    _core.rope_table(cos, sin, 10000.0, _core.RopeScaling())
    return cos, sin


def rotate(x, positions, heads, kv_heads, half):
    """Each pair (i, i + D/2) as one complex number, turned by its angle."""
    x = x.reshape(len(x), heads + 2 * kv_heads, 2 * half)
    angle = positions[:, None, None] * 10000.0 ** (-np.arange(half) / half)
    a, b = x[..., :half], x[..., half:]
    turned = np.concatenate(
        [a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)], axis=-1
    )
    return np.concatenate([turned[:, : heads + kv_heads], x[:, heads + kv_heads :]], axis=1)


@pytest.mark.parametrize("dtype", DTYPES)
@given(**sizes)
def test_forward(dtype, N, heads, kv_heads, half):
    rng = np.random.default_rng([N, heads, kv_heads, half])
    x, positions = rng.normal(size=(N, (heads + 2 * kv_heads) * 2 * half)), rng.integers(T, size=N)
    y = put(x, dtype)
    _core.rope_forward(y, ints(positions), *tables(half), heads, kv_heads)
    want = rotate(rounded(x, dtype), positions, heads, kv_heads, half)
    assert_close(y, want.reshape(x.shape), dtype)
    values = (heads + kv_heads) * 2 * half
    assert np.array_equal(y.numpy()[:, values:], put(x, dtype).numpy()[:, values:])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("heads, kv_heads, half", [(1, 0, 1), (3, 1, 5), (2, 2, 16)])
def test_backward_matches_complex_step(dtype, heads, kv_heads, half, rng):
    N, positions = 4, np.array([0, 7, 7, T - 1])
    x = rng.normal(size=(N, (heads + 2 * kv_heads) * 2 * half))
    dy = rounded(rng.normal(size=x.shape), dtype)

    def f(x):
        return rotate(x, positions, heads, kv_heads, half).reshape(x.shape)

    dx = put(dy, dtype)
    _core.rope_backward(dx, ints(positions), *tables(half), heads, kv_heads)
    assert_close(dx, vjp(f, dy, x)[0], dtype)


def test_scores_depend_on_distance_only(rng):
    q, k = rng.normal(size=(2, 1, 16))
    scores = []
    for shift in 0, 5, 30:
        rows = put(np.concatenate([np.tile(q, (1, 1)), np.tile(k, (1, 1))]))
        _core.rope_forward(rows, ints([shift, shift + 9]), *tables(8), 1, 0)
        scores.append(rows.numpy()[0] @ rows.numpy()[1])
    np.testing.assert_allclose(scores, scores[0], rtol=1e-5)


def test_errors_name_both():
    cos, sin = tables(4)
    with pytest.raises(ValueError, match=r"rope_forward: x \(2, 30\) must be \(2, 32\)"):
        _core.rope_forward(zeros(2, 30), ints([0, 1]), cos, sin, 2, 1)
    with pytest.raises(ValueError, match=r"positions\[1\] = 40 must be in \[0, 40\)"):
        _core.rope_forward(zeros(2, 32), ints([0, 40]), cos, sin, 2, 1)
    with pytest.raises(ValueError, match=r"sin \(40, 3\) must be \(40, 4\)"):
        _core.rope_backward(zeros(2, 32), ints([0, 1]), cos, zeros(40, 3), 2, 1)
