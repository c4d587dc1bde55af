"""embedding, and the positions and tables of ops/positions.h."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from ops.harness import DTYPES, NONE, assert_close, ints, put, rounded, zeros

sizes = dict(
    N=st.sampled_from([1, 2, 31, 32, 33, 70]),
    C=st.sampled_from([1, 3, 16, 17, 64, 65, 130]),
    V=st.sampled_from([1, 2, 50]),
)


@pytest.mark.parametrize("dtype", DTYPES)
@given(**sizes)
def test_forward(dtype, N, C, V):
    rng = np.random.default_rng([N, C, V])
    tokens, positions = rng.integers(V, size=N), rng.integers(9, size=N)
    wte, wpe = rng.normal(size=(V, C)), rng.normal(size=(9, C))
    y = zeros(N, C, dtype=dtype)
    token_rows = rounded(wte, dtype)[tokens]
    _core.embedding_forward(y, ints(tokens), ints(positions), put(wte, dtype), put(wpe, dtype))
    assert_close(y, token_rows + rounded(wpe, dtype)[positions], dtype)
    _core.embedding_forward(y, ints(tokens), NONE, put(wte, dtype), NONE)
    assert np.array_equal(y.numpy(), token_rows)


@pytest.mark.parametrize("dtype", DTYPES)
@given(**sizes)
def test_backward_adds_in_token_order(dtype, N, C, V):
    rng = np.random.default_rng([N, C, V])
    tokens, positions = rng.integers(V, size=N), rng.integers(9, size=N)
    dy = rng.normal(size=(N, C))
    dwte, dwpe = put(rng.normal(size=(V, C))), put(rng.normal(size=(9, C)))
    want_wte, want_wpe = dwte.numpy().copy(), dwpe.numpy().copy()
    for n, row in enumerate(put(dy, dtype).numpy()):  # float32, one token after the other
        want_wte[tokens[n]] += row
        want_wpe[positions[n]] += row
    _core.embedding_backward(dwte, dwpe, put(dy, dtype), ints(tokens), ints(positions))
    assert np.array_equal(dwte.numpy(), want_wte)
    assert np.array_equal(dwpe.numpy(), want_wpe)
    before = dwte.numpy().copy()
    _core.embedding_backward(dwte, NONE, put(0 * dy, dtype), ints(tokens), NONE)
    assert np.array_equal(dwte.numpy(), before)


Y, WTE, WPE = zeros(3, 8), zeros(5, 8), zeros(4, 8)


@pytest.mark.parametrize(
    "op, tensors",
    [(_core.embedding_forward, "y t p wte wpe"), (_core.embedding_backward, "wte wpe y t p")],
)
@pytest.mark.parametrize(
    "tokens, positions, says",
    [
        ([0, 5, 2], [0, 1, 2], r"tokens\[1\] = 5 must be in \[0, 5\)"),
        ([-1, 5, 2], [0, 1, 2], r"tokens\[0\] = -1 must be in \[0, 5\)"),
        ([0, 1, 2], [0, 1, 4], r"positions\[2\] = 4 must be in \[0, 4\)"),
        ([0, 1], [0, 1, 2], r"tokens \(2,\) must be \(3,\)"),
    ],
)
def test_values_outside_are_named(op, tensors, tokens, positions, says):
    given = dict(y=Y, t=ints(tokens), p=ints(positions), wte=WTE, wpe=WPE)
    with pytest.raises(ValueError, match=f"{op.__name__}: {says}"):
        op(*(given[name] for name in tensors.split()))


def test_wrong_tables_name_both():
    good = ints([0, 1, 2])
    with pytest.raises(ValueError, match=r"token table \(5, 9\) must be \(5, 8\)"):
        _core.embedding_forward(Y, good, good, zeros(5, 9), WPE)
    with pytest.raises(ValueError, match="token table dtype bfloat16 must be float32"):
        _core.embedding_forward(Y, good, good, zeros(5, 8, dtype="bfloat16"), WPE)


@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any))
def test_positions_restart_in_each_segment(lengths):
    segments = np.cumsum([0, *lengths])
    positions = ints(np.full(segments[-1], -1))
    _core.segment_positions(positions, ints(segments))
    assert positions.numpy().tolist() == [t for length in lengths for t in range(length)]


@pytest.mark.parametrize(
    "segments, says",
    [
        ([1, 4], "segments must start at 0, not 1"),
        ([0, 3, 2, 4], r"segments\[2\] = 2 must not be below segments\[1\] = 3"),
        ([0, 3], "segments must end at 4, not 3"),
    ],
)
def test_wrong_segments_are_named(segments, says):
    with pytest.raises(ValueError, match=says):
        _core.segment_positions(ints([0] * 4), ints(segments))


def test_no_segments_at_all():
    with pytest.raises(ValueError, match=r"segments \(0,\) must not be empty"):
        _core.segment_positions(ints([0] * 4), zeros(0, dtype="int32"))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("T, C", [(1, 1), (5, 7), (300, 64)])
def test_sinusoidal_table(dtype, T, C):
    table = zeros(T, C, dtype=dtype)
    _core.sinusoidal_table(table)
    t, c = np.arange(T)[:, None], np.arange(C)
    angle = t / 10000 ** (2 * (c // 2) / C)
    assert_close(table, np.where(c % 2, np.cos(angle), np.sin(angle)), dtype)


@pytest.mark.parametrize("T, half", [(1, 1), (5, 3), (4096, 64)])
def test_rope_table(T, half):
    cos, sin = zeros(T, half), zeros(T, half)
    _core.rope_table(cos, sin, 500000.0)
    angle = np.arange(T)[:, None] * 500000.0 ** (-np.arange(half) / half)
    np.testing.assert_allclose(cos.numpy(), np.cos(angle), rtol=0, atol=6e-8)
    np.testing.assert_allclose(sin.numpy(), np.sin(angle), rtol=0, atol=6e-8)
    with pytest.raises(ValueError, match="theta -1 must be positive"):
        _core.rope_table(cos, sin, -1.0)
