"""embedding, and the positions and tables of ops/positions.h."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from ops.harness import DTYPES, NONE, assert_close, ints, put, rounded, zeros
from reference.layers import rope_frequencies

sizes = dict(
    N=st.sampled_from([1, 2, 31, 32, 33, 70]),
    C=st.sampled_from([1, 3, 16, 17, 64, 65, 130]),
    V=st.sampled_from([1, 2, 50]),
)
K = 3  # token types


@pytest.mark.parametrize("dtype", DTYPES)
@given(**sizes)
def test_forward(dtype, N, C, V):
    rng = np.random.default_rng([N, C, V])
    tokens, positions, types = (rng.integers(n, size=N) for n in (V, 9, K))
    wte, wpe, wtt = (rng.normal(size=(n, C)) for n in (V, 9, K))
    y = zeros(N, C, dtype=dtype)
    token, position, kind = (
        rounded(table, dtype)[index]
        for table, index in ((wte, tokens), (wpe, positions), (wtt, types))
    )
    t, p, k = ints(tokens), ints(positions), ints(types)
    wte, wpe, wtt = (put(table, dtype) for table in (wte, wpe, wtt))
    _core.embedding_forward(y, t, p, k, wte, wpe, wtt)
    assert_close(y, token + position + kind, dtype)
    _core.embedding_forward(y, t, p, NONE, wte, wpe, NONE)
    assert_close(y, token + position, dtype)
    _core.embedding_forward(y, t, NONE, k, wte, NONE, wtt)
    assert_close(y, token + kind, dtype)
    _core.embedding_forward(y, t, NONE, NONE, wte, NONE, NONE)
    assert np.array_equal(y.numpy(), token)


@pytest.mark.parametrize("dtype", DTYPES)
@given(**sizes)
def test_backward_adds_in_token_order(dtype, N, C, V):
    rng = np.random.default_rng([N, C, V])
    index = [rng.integers(n, size=N) for n in (V, 9, K)]
    dy = rng.normal(size=(N, C))
    tables = [put(rng.normal(size=(n, C))) for n in (V, 9, K)]
    want = [table.numpy().copy() for table in tables]
    for n, row in enumerate(put(dy, dtype).numpy()):  # float32, one token after the other
        for table, rows in zip(want, index, strict=True):
            table[rows[n]] += row
    _core.embedding_backward(*tables, put(dy, dtype), *map(ints, index))
    for table, wanted in zip(tables, want, strict=True):
        assert np.array_equal(table.numpy(), wanted)
    before = tables[0].numpy().copy()
    dy = put(0 * dy, dtype)
    _core.embedding_backward(tables[0], NONE, NONE, dy, ints(index[0]), NONE, NONE)
    assert np.array_equal(tables[0].numpy(), before)


Y, WTE, WPE, WTT = zeros(3, 8), zeros(5, 8), zeros(4, 8), zeros(2, 8)


@pytest.mark.parametrize(
    "op, tensors",
    [
        (_core.embedding_forward, "y t p k wte wpe wtt"),
        (_core.embedding_backward, "wte wpe wtt y t p k"),
    ],
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
    tables = dict(wte=WTE, wpe=WPE, wtt=WTT)
    given = dict(y=Y, t=ints(tokens), p=ints(positions), k=ints([0, 1, 0]), **tables)
    with pytest.raises(ValueError, match=f"{op.__name__}: {says}"):
        op(*(given[name] for name in tensors.split()))


def test_wrong_tables_name_both():
    good = ints([0, 1, 2])
    with pytest.raises(ValueError, match=r"token table \(5, 9\) must be \(5, 8\)"):
        _core.embedding_forward(Y, good, good, NONE, zeros(5, 9), WPE, NONE)
    with pytest.raises(ValueError, match="token table dtype bfloat16 must be float32"):
        _core.embedding_forward(Y, good, good, NONE, zeros(5, 8, dtype="bfloat16"), WPE, NONE)
    with pytest.raises(ValueError, match=r"types\[2\] = 2 must be in \[0, 2\)"):
        _core.embedding_forward(Y, good, NONE, good, WTE, NONE, WTT)
    with pytest.raises(ValueError, match="types is required"):
        _core.embedding_forward(Y, good, NONE, NONE, WTE, NONE, WTT)


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


SCALINGS = {
    "none": {},
    "linear": dict(factor=4.0),
    "llama3": dict(factor=8.0, context=64.0, low=1.0, high=4.0),
    "yarn": dict(factor=4.0, context=64.0, low=1.0, high=32.0),
    "dynamic": dict(factor=4.0),
    "longrope": dict(attention=1.2, divisors=True),
}


@pytest.mark.parametrize("kind", SCALINGS)
@pytest.mark.parametrize("T, half", [(1, 1), (5, 3), (4096, 64)])
def test_rope_table(T, half, kind):
    cos, sin = zeros(T, half), zeros(T, half)
    numbers = dict(SCALINGS[kind])
    if "divisors" in numbers:
        numbers["divisors"] = (1 + np.arange(half) % 7).astype(float).tolist()
    scaling = _core.RopeScaling(getattr(_core.Scaling, kind), **numbers)
    _core.rope_table(cos, sin, 500000.0, scaling)
    f, m = rope_frequencies(500000.0, half, kind, **numbers)
    angle = np.arange(T)[:, None] * f
    np.testing.assert_allclose(cos.numpy(), m * np.cos(angle), rtol=0, atol=7e-8)
    np.testing.assert_allclose(sin.numpy(), m * np.sin(angle), rtol=0, atol=7e-8)


def test_impossible_rope_tables_are_named():
    cos, sin = zeros(2, 2), zeros(2, 2)
    llama3 = _core.Scaling.llama3
    for theta, scaling, says in [
        (-1.0, _core.RopeScaling(), "theta -1 must be positive"),
        (1e4, _core.RopeScaling(llama3, factor=0.0), "factor 0 must be positive"),
        (1e4, _core.RopeScaling(llama3, 2.0), "context 0 must be at least 1"),
        (1e4, _core.RopeScaling(_core.Scaling.longrope, divisors=[1.0]), "1 divisors must be 2"),
        (1e4, _core.RopeScaling(_core.Scaling.longrope, divisors=[1, 0]), "divisor 0 must be pos"),
        (1e4, _core.RopeScaling(llama3, 2.0, 8.0, 4.0, 4.0), "low 4 must be .* below high 4"),
    ]:
        with pytest.raises(ValueError, match=f"rope_table: {says}"):
            _core.rope_table(cos, sin, theta, scaling)
