"""Attention against NumPy, and bit for bit against itself under every cut of the same work."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from ops.harness import DTYPES, NONE, assert_close, ints, put, rounded, run_under, zeros
from reference.attention import attention, attention_gradient
from reference.complex_step import vjp

TILE = 64
HEADS = [(1, 1), (2, 2), (4, 2), (6, 1)]  # (H, K)


def forward(qkv, segments, H, K, causal=True, slopes=None, dtype="float32", scale=None, window=0):
    """y and lse as arrays."""
    N, D = len(qkv), qkv.shape[1] // (H + 2 * K)
    y, lse = zeros(N, H * D, dtype=dtype), zeros(N, H)
    slopes = NONE if slopes is None else put(slopes)
    scale = D**-0.5 if scale is None else scale
    where = ints(segments), slopes, H, K, scale, causal, window
    _core.attention_forward(y, lse, put(qkv, dtype), *where)
    return y.numpy(), lse.numpy()


def backward(dy, qkv, segments, H, K, causal=True, slopes=None, dtype="float32", window=0):
    """dqkv as an array."""
    y, lse = forward(qkv, segments, H, K, causal, slopes, dtype, window=window)
    D = qkv.shape[1] // (H + 2 * K)
    dqkv = put(np.full_like(qkv, 7), dtype)  # written, not added
    slopes = NONE if slopes is None else put(slopes)
    saved = put(dy, dtype), put(qkv, dtype), put(y, dtype), put(lse), ints(segments), slopes
    _core.attention_backward(dqkv, *saved, H, K, D**-0.5, causal, window)
    return dqkv.numpy()


def cached(qkv, H, K, pieces, slopes=None, dtype="float32", window=0, caches=None):
    """y of one sequence that arrives in pieces of the given lengths, in blocks here and there.

    caches: makes the caches, of so many blocks, where they are not of the dtype.
    """
    N, D = len(qkv), qkv.shape[1] // (H + 2 * K)
    # What lies beyond the new tokens must not matter: fill the caches with noise.
    rng = np.random.default_rng(0)
    blocks = -(-N // TILE) + 2
    noise = rng.normal(size=(blocks, K, TILE, D))
    k_cache, v_cache = caches(blocks) if caches else (put(noise, dtype), put(noise, dtype))
    slopes = NONE if slopes is None else put(slopes)
    table = ints(rng.permutation(blocks)[None, :-1])
    out, start = [], 0
    for n in pieces:
        new, y = put(qkv[start : start + n], dtype), zeros(n, H * D, dtype=dtype)
        where = ints([0, n]), table, ints([start])
        _core.kv_cache_append(k_cache, v_cache, new, *where, H, K)
        shape = slopes, H, K, D**-0.5, window
        _core.attention_cached_forward(y, new, k_cache, v_cache, *where, *shape)
        out.append(y.numpy())
        start += n
    return np.concatenate(out)


def inputs(N, H, K, D, seed=0, dtype="float32"):
    rng = np.random.default_rng([N, H, K, D, seed])
    return rounded(rng.normal(size=(N, (H + 2 * K) * D)), dtype)


def alibi(H):
    return 2.0 ** -np.arange(1, H + 1)


def assert_same_bits(got, want):
    np.testing.assert_array_equal(got.view(np.uint32), want.view(np.uint32))


lengths = st.lists(
    st.one_of(st.integers(0, 20), st.integers(50, 80), st.sampled_from([64, 128, 129, 200])),
    min_size=1,
    max_size=4,
).filter(sum)
shapes = dict(
    lengths=lengths,
    heads=st.sampled_from(HEADS),
    D=st.sampled_from([1, 3, 16, 17, 32, 64, 80, 128, 200]),
    causal=st.booleans(),
    with_slopes=st.booleans(),
)


@pytest.mark.parametrize("dtype", DTYPES)
@given(**shapes)
def test_attention_forward(dtype, lengths, heads, D, causal, with_slopes):
    H, K = heads
    segments = np.cumsum([0, *lengths])
    qkv, slopes = inputs(segments[-1], H, K, D, dtype=dtype), alibi(H) if with_slopes else None
    y, lse = forward(qkv, segments, H, K, causal, slopes, dtype)
    want_y, want_lse = attention(qkv, segments, H, K, np.float32(D**-0.5), causal, slopes)
    # The probabilities are rounded before their product with the values.
    assert_close(y, want_y, dtype, terms=D + 200, rounded_between=1)
    assert_close(lse, want_lse, "float32", terms=D + 200)


def test_large_scores_do_not_overflow():
    qkv = inputs(130, 2, 1, 16) * 30
    y, lse = forward(qkv, [0, 130], 2, 1)
    want_y, want_lse = attention(qkv, [0, 130], 2, 1, 0.25, True)
    np.testing.assert_allclose(lse, want_lse, atol=1e-6 * np.abs(want_lse).max())
    np.testing.assert_allclose(
        y, want_y, atol=0.03
    )  # scores of 1000s keep few digits behind the point


def test_nan_reaches_the_rows_that_see_it():
    qkv = inputs(100, 1, 1, 8)
    qkv[70, 8] = np.nan  # a key
    y, _ = forward(qkv, [0, 100], 1, 1)
    assert np.isfinite(y[:70]).all() and np.isnan(y[70:]).all()


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("with_slopes", [False, True])
@pytest.mark.parametrize("heads", [(1, 1), (4, 2)])
def test_gradient_by_complex_step(heads, with_slopes, causal, rng):
    (H, K), D, segments = heads, 3, [0, 4, 5]
    qkv, slopes = inputs(5, H, K, D), alibi(H) if with_slopes else None
    dy = rounded(rng.normal(size=(5, H * D)), "float32")
    formula = lambda x: attention(x, segments, H, K, np.float32(D**-0.5), causal, slopes)[0]
    (want,) = vjp(formula, dy, qkv)
    whole = attention_gradient(dy, qkv, segments, H, K, np.float32(D**-0.5), causal, slopes)
    np.testing.assert_allclose(whole, want, atol=1e-12)  # the next test's truth
    assert_close(backward(dy, qkv, segments, H, K, causal, slopes), want, terms=64)


@pytest.mark.parametrize("dtype", DTYPES)
@given(**shapes)
def test_attention_backward(dtype, lengths, heads, D, causal, with_slopes):
    H, K = heads
    segments = np.cumsum([0, *lengths])
    N, scale = segments[-1], np.float32(D**-0.5)
    qkv, slopes = inputs(N, H, K, D, dtype=dtype), alibi(H) if with_slopes else None
    dy = rounded(np.random.default_rng(N).normal(size=(N, H * D)), dtype)
    got = backward(dy, qkv, segments, H, K, causal, slopes, dtype)
    want = attention_gradient(dy, qkv, segments, H, K, scale, causal, slopes)
    # y, the probabilities and their gradients are rounded before they are multiplied.
    assert_close(got, want, dtype, terms=D + 200, rounded_between=3)


windows = dict(
    N=st.sampled_from([1, 20, 64, 65, 129, 200, 300]),
    window=st.sampled_from([1, 2, 16, 63, 64, 65, 100, 128, 250, 1000]),
    heads=st.sampled_from(HEADS),
    D=st.sampled_from([3, 16, 64]),
)


@pytest.mark.parametrize("dtype", DTYPES)
@given(**windows)
def test_a_window(dtype, N, window, heads, D):
    (H, K), scale = heads, np.float32(D**-0.5)
    qkv, segments = inputs(N + 9, H, K, D, dtype=dtype), [0, 9, N + 9]
    y, lse = forward(qkv, segments, H, K, dtype=dtype, window=window)
    want_y, want_lse = attention(qkv, segments, H, K, scale, True, window=window)
    assert_close(y, want_y, dtype, terms=D + 200, rounded_between=1)
    assert_close(lse, want_lse, "float32", terms=D + 200)
    dy = rounded(np.random.default_rng(N).normal(size=(N + 9, H * D)), dtype)
    got = backward(dy, qkv, segments, H, K, dtype=dtype, window=window)
    want = attention_gradient(dy, qkv, segments, H, K, scale, True, window=window)
    assert_close(got, want, dtype, terms=D + 200, rounded_between=3)
    if window >= max(N, 9):
        assert_same_bits(y, forward(qkv, segments, H, K, dtype=dtype)[0])


# Exactness: one sequence, computed in different surroundings.


@pytest.mark.parametrize("dtype", DTYPES)
@given(**shapes)
def test_packing_changes_no_bit(dtype, lengths, heads, D, causal, with_slopes):
    H, K = heads
    segments = np.cumsum([0, *lengths])
    qkv, slopes = inputs(segments[-1], H, K, D), alibi(H) if with_slopes else None
    y, lse = forward(qkv, segments, H, K, causal, slopes, dtype)
    for begin, end in pairwise(segments):
        if begin < end:
            alone = forward(qkv[begin:end], [0, end - begin], H, K, causal, slopes, dtype)
            assert_same_bits(y[begin:end], alone[0])
            assert_same_bits(lse[begin:end], alone[1])


@pytest.mark.parametrize("dtype", DTYPES)
@given(**shapes)
def test_packing_changes_no_bit_of_the_gradient(dtype, lengths, heads, D, causal, with_slopes):
    H, K = heads
    segments = np.cumsum([0, *lengths])
    qkv, slopes = inputs(segments[-1], H, K, D), alibi(H) if with_slopes else None
    dy = np.random.default_rng(1).normal(size=(segments[-1], H * D))
    dqkv = backward(dy, qkv, segments, H, K, causal, slopes, dtype)
    for begin, end in pairwise(segments):
        if begin < end:
            one = slice(begin, end)
            alone = backward(dy[one], qkv[one], [0, end - begin], H, K, causal, slopes, dtype)
            assert_same_bits(dqkv[one], alone)


@given(
    N=st.sampled_from([1, 63, 64, 65, 150, 300]),
    heads=st.sampled_from(HEADS),
    D=st.sampled_from([3, 16, 40, 64, 128]),
    with_slopes=st.booleans(),
)
def test_later_tokens_change_no_bit(N, heads, D, with_slopes):
    H, K = heads
    qkv, slopes = inputs(N + 100, H, K, D), alibi(H) if with_slopes else None
    y, lse = forward(qkv, [0, N + 100], H, K, slopes=slopes)
    short_y, short_lse = forward(qkv[:N], [0, N], H, K, slopes=slopes)
    assert_same_bits(y[:N], short_y)
    assert_same_bits(lse[:N], short_lse)


@pytest.mark.parametrize("heads", HEADS)
@pytest.mark.parametrize("D", [1, 40, 64])
@pytest.mark.parametrize("with_slopes", [False, True])
@pytest.mark.parametrize("window", [0, 5, 70])
@pytest.mark.parametrize("dtype", DTYPES)
def test_cached_equals_full(heads, D, with_slopes, window, dtype):
    H, K = heads
    N, slopes = 150, alibi(H) if with_slopes else None
    qkv = inputs(N, H, K, D)
    y, _ = forward(qkv, [0, N], H, K, slopes=slopes, dtype=dtype, window=window)
    one_by_one = [1] * N
    chunks = [1, 7, 64, 3, 60, 15]
    for pieces in (one_by_one, chunks, [N]):
        assert_same_bits(cached(qkv, H, K, pieces, slopes, dtype, window), y)


def test_a_batch_of_sequences_continues_from_the_cache():
    H, K, D = 4, 2, 24
    qkv = [inputs(n, H, K, D, seed=n) for n in (140, 70, 9)]
    want = [forward(x, [0, len(x)], H, K)[0] for x in qkv]
    k_cache, v_cache = zeros(7, K, TILE, D), zeros(7, K, TILE, D)
    tables, starts = np.array([[4, 0, 6], [2, 5, -1], [1, 99, -7]]), np.zeros(3, int)
    got = [[], [], []]
    for lengths in ([100, 3, 1], [1, 1, 0], [30, 66, 8], [9, 0, 0]):
        segments = np.cumsum([0, *lengths])
        new = put(
            np.concatenate([x[s : s + n] for x, s, n in zip(qkv, starts, lengths, strict=True)])
        )
        y = zeros(segments[-1], H * D)
        where = ints(segments), ints(tables), ints(starts)
        _core.kv_cache_append(k_cache, v_cache, new, *where, H, K)
        _core.attention_cached_forward(y, new, k_cache, v_cache, *where, NONE, H, K, D**-0.5, 0)
        for b in range(3):
            got[b].append(y.numpy()[segments[b] : segments[b + 1]])
        starts += lengths
    for b in range(3):
        assert_same_bits(np.concatenate(got[b]), want[b])


@pytest.fixture
def threads():
    before = _core.threads()
    yield _core.set_threads
    _core.set_threads(before)


@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_change_no_bit(dtype, threads):
    H, K, D = 4, 2, 40
    segments = [0, 300, 301, 350]
    qkv = inputs(350, H, K, D)
    runs = []
    for n in (1, 2, 3):
        threads(n)
        y, lse = forward(qkv, segments, H, K, dtype=dtype)
        runs.append((y, lse, backward(y, qkv, segments, H, K, dtype=dtype)))
    for run in runs[1:]:
        for got, want in zip(run, runs[0], strict=True):
            assert_same_bits(got, want)


def test_no_row_of_an_empty_batch():
    y, lse = forward(np.zeros((0, 12)), [0, 0, 0], 2, 2)
    assert y.shape == (0, 4) and lse.shape == (0, 2)


def test_errors_name_both_values():
    def run(
        y=(6, 8), lse=(6, 2), qkv=(6, 16), segments=(0, 6), slopes=None, H=2, K=1, how=(True, 0)
    ):
        slopes = NONE if slopes is None else zeros(*slopes)
        where = ints(segments), slopes, H, K, 1.0, *how
        _core.attention_forward(zeros(*y), zeros(*lse), zeros(*qkv), *where)

    run()
    for arguments, message in [
        (dict(H=3, K=2), "heads 3 must be a multiple of kv_heads 2"),
        (
            dict(qkv=(6, 15)),
            r"qkv \(6, 15\) must have rows of a multiple of heads \+ 2 kv_heads = 4",
        ),
        (dict(qkv=(6, 4 * 257)), "head size 257 must be at most 256"),
        (dict(y=(6, 9)), r"y \(6, 9\) must be \(6, 8\)"),
        (dict(lse=(5, 2)), r"lse \(5, 2\) must be \(6, 2\)"),
        (dict(slopes=(3,)), r"slopes \(3,\) must be \(2,\)"),
        (dict(how=(True, -1)), "window -1 must not be negative"),
        (dict(how=(False, 5)), "a window of 5 keys needs causal attention"),
        (dict(segments=(0, 5)), "segments must end at 6, not 5"),
        (dict(segments=(1, 6)), "segments must start at 0, not 1"),
        (
            dict(segments=(0, 4, 2, 6)),
            r"segments\[2\] = 2 must not be below segments\[1\] = 4",
        ),
    ]:
        with pytest.raises(ValueError, match="attention_forward: " + message):
            run(**arguments)


def test_backward_errors_name_both_values():
    def run(dqkv=(6, 16), dy=(6, 8), y=(6, 8), lse=(6, 2)):
        saved = zeros(*dy), zeros(6, 16), zeros(*y), zeros(*lse), ints([0, 6])
        _core.attention_backward(zeros(*dqkv), *saved, NONE, 2, 1, 1.0, True, 0)

    run()
    for arguments, message in [
        (dict(dqkv=(6, 15)), r"dqkv \(6, 15\) must be \(6, 16\)"),
        (dict(dy=(6, 9)), r"dy \(6, 9\) must be \(6, 8\)"),
        (dict(y=(5, 8)), r"y \(5, 8\) must be \(6, 8\)"),
        (dict(lse=(6, 1)), r"lse \(6, 1\) must be \(6, 2\)"),
    ]:
        with pytest.raises(ValueError, match="attention_backward: " + message):
            run(**arguments)


def test_cache_errors_name_both_values():
    def run(
        k=(2, 1, TILE, 4), v=(2, 1, TILE, 4), tables=((1,),), starts=(58,), kinds=("float32",) * 2
    ):
        where = ints([0, 6]), ints(tables), ints(starts)
        caches = zeros(*k, dtype=kinds[0]), zeros(*v, dtype=kinds[1])
        _core.kv_cache_append(*caches, zeros(6, 16), *where, 2, 1)

    run()
    for arguments, message in [
        (dict(k=(2, 1, TILE, 5)), r"k_cache \(2, 1, 64, 5\) must be \(blocks, 1, 64, 4\)"),
        (dict(k=(2, 1, 9, 4)), r"k_cache \(2, 1, 9, 4\) must be \(blocks, 1, 64, 4\)"),
        (dict(kinds=("uint8", "uint8")), r"k_cache .* must be \(blocks, 1, 64, 8\)"),
        (dict(kinds=("int32", "int32")), "dtype int32 must be float32, bfloat16 or uint8"),
        (dict(kinds=("float32", "bfloat16")), "v_cache .*bfloat16 must be float32"),
        (dict(v=(3, 1, TILE, 4)), r"v_cache \(3, 1, 64, 4\) must be \(2, 1, 64, 4\)"),
        (dict(tables=((2,),)), r"tables\[0, 0\] = 2 must be below 2"),
        (dict(tables=(1,)), r"tables \(1,\) must be \(1, blocks\)"),
        (dict(tables=((1,), (1,))), r"tables \(2, 1\) must be \(1, 1\)"),
        (dict(starts=(59,)), r"starts\[0\] = 59 and 6 new tokens must fit into 64 positions"),
        (dict(starts=(3, 3)), r"starts \(2,\) must be \(1,\)"),
    ]:
        with pytest.raises(ValueError, match="(kv_cache_append|cache): " + message):
            run(**arguments)


@pytest.mark.parametrize("isa", _core.isas())
def test_every_instruction_set(isa):
    run_under(isa, __file__)
