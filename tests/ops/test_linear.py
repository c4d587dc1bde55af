"""linear: products in the three training forms, and everything fused into their store."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from ops.harness import DTYPES, NONE, assert_close, put, rounded, zeros
from reference.activation import FUNCTIONS, derivative

Activation = _core.Activation
# Around the register tiles (14x32, 6x16, 4x8), the cache blocks (1024 rows, 192 columns) and the
# K blocks (512 words).
sizes = st.one_of(st.integers(1, 40), st.sampled_from([64, 191, 200]))
depths = st.one_of(st.integers(1, 40), st.sampled_from([511, 513, 1025, 1500]))


@pytest.mark.parametrize("dtype", DTYPES)
@given(N=sizes, O=sizes, K=depths)
def test_forward_and_backward(dtype, N, O, K):
    rng = np.random.default_rng([N, O, K])
    x, w, dy = rng.normal(size=(N, K)), rng.normal(size=(O, K)), rng.normal(size=(N, O))
    b = rounded(rng.normal(size=O), "float32")
    x, w, dy = (rounded(a, dtype) for a in (x, w, dy))
    y, dx, dw, db = zeros(N, O, dtype=dtype), zeros(N, K, dtype=dtype), zeros(O, K), zeros(O)
    _core.linear_forward(y, NONE, put(x, dtype), put(w, dtype), put(b), NONE, Activation.none)
    assert_close(y, x @ w.T + b, dtype, terms=K)
    _core.linear_backward_input(dx, put(dy, dtype), put(w, dtype), NONE, Activation.none)
    assert_close(dx, dy @ w, dtype, terms=O)
    for _ in range(2):  # gradients of weights add up
        _core.linear_backward_weight(dw, db, put(dy, dtype), put(x, dtype))
    assert_close(dw, 2 * dy.T @ x, "float32", terms=N)
    assert_close(db, 2 * dy.sum(0), "float32", terms=N)


def test_more_rows_than_a_block(rng):
    x, w = rng.normal(size=(2100, 40)), rng.normal(size=(70, 40))
    y = zeros(2100, 70)
    _core.linear_forward(y, NONE, put(x), put(w), NONE, NONE, Activation.none)
    assert_close(y, x @ w.T, terms=40)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", list(FUNCTIONS))
@pytest.mark.parametrize("shape", [(3, 5, 7), (20, 40, 600), (15, 70, 1100)])
def test_epilogue(dtype, activation, shape, rng):
    N, O, K = shape
    x, w = rounded(rng.normal(size=(N, K)) / K**0.5, dtype), rounded(rng.normal(size=(O, K)), dtype)
    b, residual = rounded(rng.normal(size=O), "float32"), rounded(rng.normal(size=(N, O)), dtype)
    kind = getattr(Activation, activation)
    y, pre = zeros(N, O, dtype=dtype), zeros(N, O, dtype=dtype)
    _core.linear_forward(y, pre, put(x, dtype), put(w, dtype), put(b), put(residual, dtype), kind)
    want = x @ w.T + b
    assert_close(pre, want, dtype, terms=K)
    # The activation reads what `pre` holds, and no slope is above 1.2.
    want_y = FUNCTIONS[activation](want) + residual
    assert_close(y, want_y, dtype, terms=K, rounded_between=1.2)

    dx, dy = zeros(N, K, dtype=dtype), rounded(rng.normal(size=(N, O)), dtype)
    before = rounded(rng.normal(size=(N, K)), dtype)
    _core.linear_backward_input(dx, put(dy, dtype), put(w, dtype), put(before, dtype), kind)
    assert_close(dx, dy @ w * derivative(activation, before), dtype, terms=O)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", list(FUNCTIONS))
def test_activation_of_what_is_kept(dtype, activation, rng):
    """Backward may compute y again from pre: with the same bits, kept or not."""
    N, O, K = 9, 70, 40
    x, w = put(rng.normal(size=(N, K)), dtype), put(rng.normal(size=(O, K)), dtype)
    pre, *ys = (zeros(N, O, dtype=dtype) for _ in range(4))
    kind = getattr(Activation, activation)
    _core.linear_forward(ys[0], pre, x, w, NONE, NONE, kind)
    _core.linear_forward(ys[1], NONE, x, w, NONE, NONE, kind)
    _core.activation_forward(ys[2], pre, kind)
    np.testing.assert_array_equal(ys[0].numpy(), ys[1].numpy())
    np.testing.assert_array_equal(ys[0].numpy(), ys[2].numpy())


@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_do_not_depend_on_rows_or_threads(dtype, rng):
    """A row's result is the same alone, among others, and for any number of threads."""
    N, O, K = 37, 300, 1300
    x, w = put(rng.normal(size=(N, K)), dtype), put(rng.normal(size=(O, K)), dtype)
    results = []
    for threads in (1, 2, 3):
        _core.set_threads(threads)
        y = zeros(N, O, dtype=dtype)
        _core.linear_forward(y, NONE, x, w, NONE, NONE, Activation.none)
        results.append(y.numpy().copy())
    _core.set_threads(2)
    one = zeros(1, O, dtype=dtype)
    _core.linear_forward(one, NONE, put(x.numpy()[20:21], dtype), w, NONE, NONE, Activation.none)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    np.testing.assert_array_equal(results[0][20:21], one.numpy())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape", [(1, 7, 5), (1, 200, 1300), (1, 33, 701), (3, 200, 1300), (20, 33, 701)]
)
def test_packed_weights_give_the_same_bits(dtype, shape, rng):
    N, O, K = shape
    x, w = put(rng.normal(size=(N, K)), dtype), put(rng.normal(size=(O, K)), dtype)
    plain, packed = zeros(N, O, dtype=dtype), zeros(N, O, dtype=dtype)
    panels = _core.pack_weight(w)
    _core.linear_forward(plain, NONE, x, w, NONE, NONE, Activation.none)
    _core.linear_forward(packed, NONE, x, panels, NONE, NONE, Activation.none)
    np.testing.assert_array_equal(plain.numpy(), packed.numpy())
    after = put(rng.normal(size=O)), put(rng.normal(size=(N, O)), dtype), Activation.gelu
    _core.linear_forward(plain, NONE, x, w, *after)
    _core.linear_forward(packed, NONE, x, panels, *after)
    np.testing.assert_array_equal(plain.numpy(), packed.numpy())
    rows, logits = _core.Tensor.share(np.arange(N, dtype=np.int32)), [zeros(N, O), zeros(N, O)]
    _core.linear_logits(logits[0], x, w, rows)
    _core.linear_logits(logits[1], x, panels, rows)
    np.testing.assert_array_equal(logits[0].numpy(), logits[1].numpy())


def test_errors_name_both():
    with pytest.raises(ValueError, match=r"linear_forward: w \(5, 4\) must be \(5, 3\)"):
        _core.linear_forward(
            zeros(2, 5), NONE, zeros(2, 3), zeros(5, 4), NONE, NONE, Activation.none
        )
    with pytest.raises(
        ValueError, match=r"linear_backward_weight: dw dtype bfloat16 must be float32"
    ):
        _core.linear_backward_weight(zeros(5, 3, dtype="bfloat16"), NONE, zeros(2, 5), zeros(2, 3))
    with pytest.raises(ValueError, match=r"linear_backward_input: dx \(2, 9\) must be \(2, 3\)"):
        _core.linear_backward_input(zeros(2, 9), zeros(2, 5), zeros(5, 3), NONE, Activation.none)
