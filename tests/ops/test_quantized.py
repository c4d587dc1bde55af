"""Matrices of 8 and 4 bits a weight: their layout, their products, the same bits for any batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from ops.harness import DTYPES, NONE, assert_close, ints, put, rounded, zeros
from reference import quantized as ref
from reference.activation import FUNCTIONS

Activation = _core.Activation
BITS = [8, 4]
sizes = st.sampled_from([1, 15, 16, 17, 40, 100])
depths = st.sampled_from([1, 31, 32, 33, 64, 96, 130, 700])


def packed(w, bits):
    """A quantized matrix as the engine lays it out."""
    tensor = zeros(*_core.quantized_shape(*w.shape, bits), dtype="uint8")
    _core.quantize_weight(tensor, put(w))
    return tensor


def rows(tensor, O, K):
    """All rows, by way of the lookup."""
    y = zeros(O, K)
    _core.quantized_embedding_forward(y, ints(np.arange(O)), NONE, tensor, NONE)
    return y.numpy()


def product(x, tensor, O, dtype="float32", b=NONE, residual=NONE, activation=Activation.none):
    y = zeros(len(x), O, dtype=dtype)
    _core.linear_forward(y, NONE, put(x, dtype), tensor, b, residual, activation)
    return y.numpy()


@pytest.mark.parametrize("bits", BITS)
@given(O=sizes, K=depths)
def test_weights_are_those_of_the_formula(bits, O, K):
    w = np.random.default_rng([O, K]).normal(size=(O, K)).astype(np.float32)
    w[0] = 0
    want = ref.dequantize(*ref.quantize(w, bits), K)
    np.testing.assert_array_equal(rows(packed(w, bits), O, K), want)


@pytest.mark.parametrize("bits", BITS)
def test_small_and_large_weights(bits):
    scales = 10.0 ** np.arange(-9, 5)
    w = (np.random.default_rng(0).normal(size=(14, 64)) * scales[:, None]).astype(np.float32)
    want = ref.dequantize(*ref.quantize(w, bits), 64)
    np.testing.assert_array_equal(rows(packed(w, bits), 14, 64), want)
    w[3, 5] = 1e9
    with pytest.raises(ValueError, match=r"a weight of 1e\+09 is too large"):
        packed(w, bits)


@pytest.mark.parametrize("bits", BITS)
def test_quantizing_twice_is_quantizing_once(bits, rng):
    once = rows(packed(rng.normal(size=(40, 200)), bits), 40, 200)
    np.testing.assert_array_equal(rows(packed(once, bits), 40, 200), once)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("dtype", DTYPES)
@given(M=st.integers(1, 20), O=sizes, K=depths)
def test_product(bits, dtype, M, O, K):
    rng = np.random.default_rng([M, O, K])
    x = rounded(rng.normal(size=(M, K)), dtype).astype(np.float32)
    w = rng.normal(size=(O, K)).astype(np.float32)
    assert_close(product(x, packed(w, bits), O, dtype), ref.product(x, w, bits), dtype, terms=K)


@pytest.mark.parametrize("bits", BITS)
def test_close_to_the_float_product(bits, rng):
    x, w = rng.normal(size=(5, 768)), rng.normal(size=(100, 768))
    error = product(x, packed(w, bits), 100) - x @ w.T
    assert np.sqrt(np.mean(error**2)) / np.sqrt(768) < {8: 0.008, 4: 0.1}[bits]


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", list(FUNCTIONS))
def test_epilogue(bits, dtype, activation, rng):
    M, O, K = 11, 37, 130
    x, w = rounded(rng.normal(size=(M, K)), dtype).astype(np.float32), rng.normal(size=(O, K)) / 12
    b, residual = rounded(rng.normal(size=O), "float32"), rounded(rng.normal(size=(M, O)), dtype)
    kind = getattr(Activation, activation)
    got = product(x, packed(w, bits), O, dtype, put(b), put(residual, dtype), kind)
    want = FUNCTIONS[activation](ref.product(x, w.astype(np.float32), bits) + b) + residual
    assert_close(got, want, dtype, terms=K, rounded_between=1.2)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_row_has_the_same_bits_in_any_batch(bits, dtype, rng):
    x, tensor = rng.normal(size=(300, 200)), packed(rng.normal(size=(50, 200)), bits)
    whole = product(x, tensor, 50, dtype)
    for begin, end in [(0, 1), (7, 16), (0, 299), (255, 258)]:
        np.testing.assert_array_equal(product(x[begin:end], tensor, 50, dtype), whole[begin:end])


@pytest.mark.parametrize("bits", BITS)
def test_logits_of_chosen_rows(bits, rng):
    h, w = rng.normal(size=(9, 96)), rng.normal(size=(70, 96))
    logits = zeros(3, 70)
    _core.linear_logits(logits, put(h), packed(w, bits), ints([8, 0, 4]))
    np.testing.assert_array_equal(logits.numpy(), product(h[[8, 0, 4]], packed(w, bits), 70))


def test_lookup_adds_positions(rng):
    w, wpe = rng.normal(size=(20, 70)), rounded(rng.normal(size=(9, 70)), "float32")
    y, tensor = zeros(3, 70), packed(w, 8)
    _core.quantized_embedding_forward(y, ints([3, 19, 3]), ints([8, 0, 1]), tensor, put(wpe))
    assert_close(y, rows(tensor, 20, 70)[[3, 19, 3]] + wpe[[8, 0, 1]])


def test_errors_name_both_values():
    matrix = packed(np.ones((20, 70)), 8)
    for call, message in [
        (lambda: _core.quantized_shape(4, 4, 5), "bits 5 must be 8 or 4"),
        (lambda: _core.quantize_weight(matrix, zeros(40, 70)), r"\(2, 2, .*must be \(3, 2"),
        (lambda: _core.quantize_weight(zeros(2, 2), zeros(20, 70)), "must be a quantized matrix"),
        (
            lambda: product(np.ones((3, 200)), matrix, 20),
            r"w \(2, 2, 1088\) must be \(2, 4, 1088\)",
        ),
        (lambda: rows(matrix, 40, 70), r"tokens\[32\] = 32 must be in \[0, 32\)"),
        (lambda: rows(matrix, 2, 130), r"wte \(2, 2, 1088\) must be \(2, 3, 1088\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
