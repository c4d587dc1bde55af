"""linear_logprob: log-probabilities without stored logits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.run import run as run_alone
from gptengine import _core
from ops.harness import DTYPES, assert_close, ints, put, rounded, zeros
from reference.complex_step import vjp


def linear_logprob(h, w, targets):
    z = h @ w.T
    z = z - z.real.max(-1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    return np.where(targets < 0, 0, logp[np.arange(len(targets)), np.maximum(targets, 0)])


def run(h, w, targets, dlogp, dtype):
    N, C = h.shape
    logp, lse, dh, dw = zeros(N), zeros(N), zeros(N, C, dtype=dtype), zeros(*w.shape)
    args = put(h, dtype), put(w, dtype), ints(targets)
    _core.linear_logprob_forward(logp, lse, *args, len(w))
    _core.linear_logprob_backward(dh, dw, put(dlogp), *args, lse)
    return logp, dh, dw


@pytest.mark.parametrize("dtype", DTYPES)
@given(N=st.integers(1, 40), C=st.sampled_from([1, 7, 64]), V=st.sampled_from([1, 3, 33, 200, 700]))
def test_forward(dtype, N, C, V):
    rng = np.random.default_rng([N, C, V])
    h, w = rounded(rng.normal(size=(N, C)), dtype), rounded(rng.normal(size=(V, C)), dtype)
    targets = rng.integers(-1, V, size=N)
    logp, _, _ = run(h, w, targets, np.zeros(N), dtype)
    assert_close(logp, linear_logprob(h, w, targets), "float32", terms=C + V)


@pytest.mark.parametrize("dtype", DTYPES)
def test_backward_matches_complex_step(dtype, rng):
    N, C, V = 5, 6, 37
    h, w = rounded(rng.normal(size=(N, C)), dtype), rounded(rng.normal(size=(V, C)), dtype)
    targets, dlogp = np.array([3, -1, 0, 36, 3]), rounded(rng.normal(size=N), "float32")
    _, dh, dw = run(h, w, targets, dlogp, dtype)
    want_dh, want_dw = vjp(lambda h, w: linear_logprob(h, w, targets), dlogp, h, w)
    # dz is rounded to the operands' type before both products.
    assert_close(dh, want_dh, dtype, terms=V, rounded_between=1)
    assert_close(dw, want_dw, dtype, terms=N, rounded_between=1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_pass_and_chunks_give_the_same_bits(dtype, rng):
    """Enough rows for several chunks: each row's bits are those it has alone, fused or not."""
    N, C, V = 700, 4, 40_000
    h, w, dlogp = (
        put(rng.normal(size=(N, C)), dtype),
        put(rng.normal(size=(V, C)), dtype),
        put(rng.normal(size=N)),
    )
    targets = rng.integers(0, V, size=N)
    logp, dh, dw = run(h.numpy(), w.numpy(), targets, dlogp.numpy(), dtype)
    logp1, lse1, dh1, dw1 = zeros(N), zeros(N), zeros(N, C, dtype=dtype), zeros(V, C)
    _core.linear_logprob_forward_backward(logp1, lse1, dh1, dw1, dlogp, h, w, ints(targets))
    for a, b in [(logp, logp1), (dh, dh1), (dw, dw1)]:
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    alone = zeros(1), zeros(1)
    one = put(h.numpy()[650:651], dtype), w, ints(targets[650:651])
    _core.linear_logprob_forward(*alone, *one, V)
    assert alone[0].numpy()[0] == logp.numpy()[650]


def test_the_workspace_is_bounded():
    """At most 64 MB beside arguments and results, where all logits would take 206 MB."""
    script = """
_core.set_threads(2)
N, C, V = 1024, 16, 50304
logp, lse, dlogp, h, dh, w, dw = map(_core.Tensor, [[N]] * 3 + [[N, C]] * 2 + [[V, C]] * 2)
targets = _core.Tensor([N], "int32")
before = _core.allocated_bytes()
_core.linear_logprob_forward_backward(logp, lse, dh, dw, dlogp, h, w, targets)
print(_core.allocated_bytes() - before)
"""
    status, output, errors = run_alone(script)  # in a new process, where no scratch is left
    assert status == 0, errors
    assert 0 < int(output) <= 64e6


def test_errors():
    with pytest.raises(ValueError, match=r"targets\[1\] = 9 must be below the vocabulary size 9"):
        _core.linear_logprob_forward(zeros(2), zeros(2), zeros(2, 3), zeros(9, 3), ints([8, 9]), 9)
    with pytest.raises(ValueError, match=r"w \(9, 4\) must be \(9, 3\)"):
        _core.linear_logprob_forward(zeros(2), zeros(2), zeros(2, 3), zeros(9, 4), ints([8, 8]), 9)


@pytest.mark.parametrize("dtype", DTYPES)
def test_logits_of_chosen_rows(dtype, rng):
    h, w = rounded(rng.normal(size=(9, 33)), dtype), rounded(rng.normal(size=(70, 33)), dtype)
    rows, logits = [8, 0, 3, 3], zeros(4, 70)
    _core.linear_logits(logits, put(h, dtype), put(w, dtype), ints(rows))
    assert_close(logits, h[rows] @ w.T, "float32", terms=33)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("V", [1, 16, 33, 700])
def test_forward_of_weights_in_every_layout(V, dtype, rng):
    """A quantized matrix has rows beyond V: they are no part of the sum."""
    h, w, targets = rng.normal(size=(20, 64)), rng.normal(size=(V, 64)), rng.integers(-1, V, 20)
    for bits in (8, 4):
        quantized = zeros(*_core.quantized_shape(V, 64, bits), dtype="uint8")
        _core.quantize_weight(quantized, put(w))
        logits = zeros(20, V)
        _core.linear_logits(logits, put(h, dtype), quantized, ints(np.arange(20)))
        want = linear_logprob(logits.numpy().astype(float), np.eye(V), targets)
        logp = zeros(20)
        args = put(h, dtype), quantized, ints(targets), V
        _core.linear_logprob_forward(logp, zeros(20), *args)
        assert_close(logp, want, "float32", terms=V)
    plain = put(w, dtype)
    one, other = zeros(20), zeros(20)
    for logp, layout in (one, plain), (other, _core.pack_weight(plain)):
        _core.linear_logprob_forward(logp, zeros(20), put(h, dtype), layout, ints(targets), V)
    np.testing.assert_array_equal(one.numpy(), other.numpy())
