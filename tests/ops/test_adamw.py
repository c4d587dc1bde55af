"""adamw_step and square_sum against the formulas of their headers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptengine import _core
from ops.harness import NONE, put, zeros

sizes = st.sampled_from([1, 2, 15, 16, 17, 33, 1000, 16384, 16385, 70000])
OPTIONS = dict(lr=3e-3, beta1=0.9, beta2=0.95, eps=1e-8, weight_decay=0.1)


def adamw(p, m, v, g, grad_scale, step, lr, beta1, beta2, eps, weight_decay):
    a = g * grad_scale
    m = beta1 * m + (1 - beta1) * a
    v = beta2 * v + (1 - beta2) * a * a
    update = m / (1 - beta1**step) / (np.sqrt(v / (1 - beta2**step)) + eps)
    return p - lr * (update + weight_decay * p), m, v


@given(n=sizes, step=st.sampled_from([1, 2, 1000, 10**6]))
def test_one_step(n, step):
    rng = np.random.default_rng([n, step])
    # Second moments away from 0, where rounding of the moments would be divided by almost nothing.
    start = [rng.normal(size=n) for _ in range(4)]
    start[2] = 0.5 + start[2] ** 2
    tensors = [put(x) for x in start]
    copy = zeros(n, dtype="bfloat16")
    _core.adamw_step(*tensors, copy, grad_scale=0.7, step=step, **OPTIONS)
    want = adamw(*(put(x).numpy().astype(float) for x in start), 0.7, step, **OPTIONS)
    for got, wanted in zip(tensors, want, strict=False):
        np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-6, atol=1e-7)
    assert not tensors[3].numpy().any()
    assert np.array_equal(copy.numpy(), put(tensors[0].numpy(), "bfloat16").numpy())


def test_many_steps_follow_the_float64_optimizer(rng):
    """Minimises (p - 3)^2 / 2 with noise: the trajectories stay together."""
    p, m, v = rng.normal(size=40), np.zeros(40), np.zeros(40)
    tp, tm, tv, tg = put(p), put(m), put(v), zeros(40)
    for step in range(1, 201):
        g = p - 3 + 0.1 * rng.normal(size=40)
        tg.numpy()[:] = g
        _core.adamw_step(tp, tm, tv, tg, NONE, grad_scale=1, step=step, **OPTIONS)
        p, m, v = adamw(p, m, v, g, 1, step, **OPTIONS)
    np.testing.assert_allclose(tp.numpy(), p, rtol=1e-5, atol=1e-5)


@given(n=st.sampled_from([1, 15, 16, 17, 63, 64, 65, 1000, 32767, 32768, 32769, 100_000]))
def test_square_sum_is_accurate_to_double(n):
    x = np.random.default_rng(n).normal(size=n).astype(np.float32)
    got = _core.square_sum(_core.Tensor.share(x))
    assert got == pytest.approx(np.sum(x.astype(float) ** 2), rel=1e-13)


def test_square_sum_does_not_depend_on_threads(rng):
    x, threads = put(rng.normal(size=500_000)), _core.threads()
    try:
        sums = [(_core.set_threads(n), _core.square_sum(x))[1] for n in (1, 2, 5)]
    finally:
        _core.set_threads(threads)
    assert sums[0] == sums[1] == sums[2]


def test_square_sum_survives_the_range_of_float32():
    assert _core.square_sum(put([1e30, 1e30])) == pytest.approx(2e60, rel=1e-6)
    assert _core.square_sum(put([1e-30])) == pytest.approx(1e-60, rel=1e-6)
    assert np.isnan(_core.square_sum(put([1, np.nan])))


@pytest.mark.parametrize(
    "change, says",
    [
        (dict(step=0), "step 0 must be at least 1"),
        (dict(beta1=1.0), r"beta1 1 must be in \[0, 1\)"),
        (dict(eps=0.0), "eps 0 must be finite and positive"),
        (dict(lr=-1.0), "lr -1 must be finite and at least 0"),
        (dict(lr=float("nan")), "lr nan must be finite"),
        (dict(weight_decay=float("inf")), "weight_decay inf must be finite"),
        (dict(grad_scale=float("nan")), "grad_scale nan must be finite"),
    ],
)
def test_wrong_options_are_named(change, says):
    t = [zeros(4) for _ in range(4)]
    with pytest.raises(ValueError, match=f"adamw_step: {says}"):
        _core.adamw_step(*t, NONE, **{**OPTIONS, "grad_scale": 1, "step": 1, **change})


def test_errors_name_both():
    t = [zeros(4) for _ in range(3)]
    with pytest.raises(ValueError, match=r"adamw_step: g \(5,\) must be \(4,\)"):
        _core.adamw_step(*t, zeros(5), NONE, grad_scale=1, step=1, **OPTIONS)
    with pytest.raises(ValueError, match="copy dtype float32 must be bfloat16"):
        _core.adamw_step(*t, zeros(4), zeros(4), grad_scale=1, step=1, **OPTIONS)
    with pytest.raises(ValueError, match="square_sum: x dtype bfloat16 must be float32"):
        _core.square_sum(zeros(4, dtype="bfloat16"))
