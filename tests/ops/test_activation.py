"""Activations and the gated unit against the formulas of ops/activation.h."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from ops.harness import DTYPES, assert_close, put, rounded, zeros
from reference.activation import FUNCTIONS, derivative
from reference.complex_step import vjp

Activation = _core.Activation
sizes = st.sampled_from([1, 2, 15, 16, 17, 33, 100, 5000, 16384, 16385, 40000])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", FUNCTIONS)
@given(n=sizes)
def test_activation(dtype, kind, n):
    rng = np.random.default_rng(n)
    x, dy = rounded(3 * rng.normal(size=n), dtype), rounded(rng.normal(size=n), dtype)
    y, dx = zeros(n, dtype=dtype), zeros(n, dtype=dtype)
    _core.activation_forward(y, put(x, dtype), getattr(Activation, kind))
    assert_close(y, FUNCTIONS[kind](x), dtype)
    _core.activation_backward(dx, put(dy, dtype), put(x, dtype), getattr(Activation, kind))
    assert_close(dx, dy * derivative(kind, x), dtype)
    inplace = put(dy, dtype)
    _core.activation_backward(inplace, inplace, put(x, dtype), getattr(Activation, kind))
    assert np.array_equal(inplace.numpy(), dx.numpy())


@pytest.mark.parametrize("kind", ["gelu", "gelu_tanh", "silu"])
def test_accurate_to_float32_rounding_everywhere(kind):
    x = rounded(np.linspace(-20, 20, 200_001), "float32")
    y, dx = zeros(len(x)), zeros(len(x))
    _core.activation_forward(y, put(x), getattr(Activation, kind))
    want = FUNCTIONS[kind](x)
    assert (np.abs(y.numpy() - want) / np.maximum(1, np.abs(want))).max() < 2e-7
    _core.activation_backward(dx, put(np.ones_like(x)), put(x), getattr(Activation, kind))
    assert np.abs(dx.numpy() - derivative(kind, x)).max() < 3e-7


@pytest.mark.parametrize("kind", ["gelu", "gelu_tanh", "silu"])
def test_bits_do_not_depend_on_the_place(kind, rng):
    """The padded tail of a row computes what the whole vectors compute."""
    x = put(rng.normal(size=64)).numpy()
    whole = zeros(64)
    _core.activation_forward(whole, _core.Tensor.share(x), getattr(Activation, kind))
    for n in range(1, 20):
        y = zeros(n)
        _core.activation_forward(y, _core.Tensor.share(x[:n].copy()), getattr(Activation, kind))
        assert np.array_equal(y.numpy(), whole.numpy()[:n])


@pytest.mark.parametrize("kind", ["gelu", "gelu_tanh", "relu", "silu"])
def test_far_values_saturate_and_nan_stays(kind):
    y, dx = zeros(3), zeros(3)
    x = put([-1000, 1000, np.nan])
    _core.activation_forward(y, x, getattr(Activation, kind))
    np.testing.assert_allclose(y.numpy(), [0, 1000, np.nan], atol=1e-30)
    _core.activation_backward(dx, put([1, 1, np.nan]), x, getattr(Activation, kind))
    np.testing.assert_allclose(dx.numpy(), [0, 1, np.nan], atol=1e-30)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["gelu", "gelu_tanh", "relu", "silu"])
def test_huge_and_infinite_values_saturate(kind, dtype):
    huge = [s * x for x in (2e2, 1e6, 1e13, 1e19, 1e30, 3e38, np.inf) for s in (-1, 1)]
    x = put(huge, dtype)
    y, dx, n = zeros(len(huge), dtype=dtype), zeros(len(huge), dtype=dtype), len(huge) // 2
    _core.activation_forward(y, x, getattr(Activation, kind))
    np.testing.assert_array_equal(y.numpy(), np.maximum(x.numpy(), 0))
    _core.activation_backward(dx, put(np.ones(len(huge)), dtype), x, getattr(Activation, kind))
    np.testing.assert_allclose(dx.numpy(), [0, 1] * n, atol=1e-30)


@pytest.mark.parametrize("dtype", DTYPES)
def test_huge_and_infinite_gates_saturate(dtype):
    gates = [s * x for x in (2e2, 1e6, 1e19, 1e30, np.inf) for s in (-1, 1)]
    x = put([[gate, 2] for gate in gates], dtype)
    y, dx = zeros(len(gates), 1, dtype=dtype), zeros(len(gates), 2, dtype=dtype)
    dy = put(np.ones((len(gates), 1)), dtype)
    _core.swiglu_forward(y, x)
    silu = np.maximum(x.numpy()[:, :1], 0)
    np.testing.assert_array_equal(y.numpy(), 2 * silu)
    _core.swiglu_backward(dx, dy, x)
    np.testing.assert_allclose(dx.numpy()[:, 0], [0, 2] * (len(gates) // 2), atol=1e-30)
    np.testing.assert_array_equal(dx.numpy()[:, 1:], silu)


def swiglu(x):
    gate, up = np.split(x, 2, axis=-1)
    return gate / (1 + np.exp(-gate)) * up


@pytest.mark.parametrize("dtype", DTYPES)
@given(N=st.sampled_from([1, 2, 33]), F=st.sampled_from([1, 3, 16, 17, 100, 1000]))
def test_swiglu_forward(dtype, N, F):
    x = rounded(2 * np.random.default_rng([N, F]).normal(size=(N, 2 * F)), dtype)
    y = zeros(N, F, dtype=dtype)
    _core.swiglu_forward(y, put(x, dtype))
    assert_close(y, swiglu(x), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("N, F", [(1, 1), (3, 8), (2, 33)])
def test_swiglu_backward_matches_complex_step(dtype, N, F, rng):
    x, dy = rounded(rng.normal(size=(N, 2 * F)), dtype), rounded(rng.normal(size=(N, F)), dtype)
    dx = put(rng.normal(size=x.shape), dtype)  # backward writes
    _core.swiglu_backward(dx, put(dy, dtype), put(x, dtype))
    assert_close(dx, vjp(swiglu, dy, x)[0], dtype)


def test_errors_name_both():
    with pytest.raises(ValueError, match=r"activation_forward: y \(3,\) must be \(4,\)"):
        _core.activation_forward(zeros(3), zeros(4), Activation.relu)
    with pytest.raises(ValueError, match="dy dtype bfloat16 must be float32"):
        _core.activation_backward(zeros(4), zeros(4, dtype="bfloat16"), zeros(4), Activation.relu)
    with pytest.raises(ValueError, match="swiglu joins two inputs"):
        _core.activation_forward(zeros(4), zeros(4), Activation.swiglu)
    with pytest.raises(ValueError, match=r"x \(2, 5\) must have rows of even length"):
        _core.swiglu_forward(zeros(2, 2), zeros(2, 5))
    with pytest.raises(ValueError, match=r"y \(2, 2\) must be \(2, 3\)"):
        _core.swiglu_forward(zeros(2, 2), zeros(2, 6))
