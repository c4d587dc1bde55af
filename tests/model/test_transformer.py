"""The whole engine against the NumPy reference: outputs and every gradient, over all options."""

import numpy as np
import pytest

from gptengine import Model, _core
from model.cases import CASES, case_id, packed, small
from model.engine import bits, engine, error, outputs_and_gradients
from ops.harness import rounded
from reference import model as ref

UNIT = {"float32": 2.0**-24, "bfloat16": 2.0**-9}  # half the gap between 1 and the next number


def truth(c, p, tokens, targets, segments, dy):
    hidden, _ = ref.forward(c, p, tokens, segments)
    if c.head == "lm":
        out = {"logp": ref.logp_of(c, p, hidden, targets), "logits": ref.logits_of(c, p, hidden)}
    else:
        out = {"values": ref.values_of(c, p, hidden, segments)}
    gradients = ref.backward(c, p, tokens, segments, targets, dlogp=dy, dvalue=dy)
    return out | {"hidden": hidden} | gradients


def errors(c, dtype, rng):
    p = ref.random_parameters(c, rng)
    p = {name: rounded(array, dtype if array.ndim == 2 else "float32") for name, array in p.items()}
    tokens, targets, segments = packed(c, rng)
    dy = rng.normal(size=4 if c.head == "reward" else len(tokens)).astype(np.float32)
    want = truth(c, p, tokens, targets, segments, dy)
    got = outputs_and_gradients(engine(c, p, dtype), tokens, targets, segments, dy)
    assert got.keys() == want.keys()
    return {name: error(got[name], want[name]) for name in want}


@pytest.mark.parametrize("c", CASES, ids=case_id)
def test_float32(c, rng):
    for name, e in errors(c, "float32", rng).items():
        assert e <= 1e-5, f"{name}: relative error {e:.1e}"


@pytest.mark.parametrize("c", CASES, ids=case_id)
def test_bfloat16(c):
    """No worse than float32 by more than the two roundings differ: all sums are float32 ones.

    A ReLU that rounding switches on or off counts for more.
    """
    slack = 64 if c.activation == "relu" else 4
    single = errors(c, "float32", np.random.default_rng(0))
    half = errors(c, "bfloat16", np.random.default_rng(0))
    for name, e in half.items():
        allowed = (
            slack * UNIT["bfloat16"] / UNIT["float32"] * max(single[name], 2 * UNIT["float32"])
        )
        assert e <= allowed, f"{name}: relative error {e:.1e}, float32 has {single[name]:.1e}"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("c", CASES[::3], ids=case_id)
def test_recompute_changes_no_bit(c, dtype, rng):
    p = ref.random_parameters(c, rng)
    tokens, targets, segments = packed(c, rng)
    dy = rng.normal(size=4 if c.head == "reward" else len(tokens)).astype(np.float32)
    models = [engine(c, p, dtype, recompute=level) for level in (0, 1, 2)]
    runs = [outputs_and_gradients(m, tokens, targets, segments, dy) for m in models]
    for name in runs[0]:
        assert bits(runs[0][name]) == bits(runs[1][name]) == bits(runs[2][name]), name


def test_types_of_tokens(rng):
    """Every pass reads them, and their table learns by them; none given means all 0."""
    c = small(token_types=3, embedding_norm=True, norm_order="post")
    p = ref.random_parameters(c, rng)
    tokens, targets, segments = packed(c, rng)
    dy = rng.normal(size=len(tokens)).astype(np.float32)
    model, types = engine(c, p), rng.integers(3, size=len(tokens))
    for given, used in ((types, types), (None, 0)):
        hidden, _ = ref.forward(c, p, tokens, segments, used)
        logits = model.logits(tokens, segments, types=given, last_only=False)
        assert error(model.hidden(tokens, segments, types=given), hidden) <= 1e-5
        assert error(logits, ref.logits_of(c, p, hidden)) <= 1e-5
        want = ref.backward(c, p, tokens, segments, targets, dlogp=dy, types=used)
        model.forward_backward(tokens, targets, dy, segments, types=given)
        got = {name: g.copy() for name, g in model.gradients().items()}
        model.zero_grad()
        model.forward(tokens, targets, segments, types=given)
        model.backward(dy)
        for name, g in model.gradients().items():
            assert bits(g) == bits(got[name]), name
            assert error(g, want[name]) <= 1e-5, name
        model.zero_grad()
    c = small(token_types=2, head="value")
    model, types = engine(c, ref.random_parameters(c, rng)), types % 2
    values = model.values(tokens, segments, types=types)
    assert (model.values(tokens, segments) != values).any()
    with pytest.raises(ValueError, match=r"types\[3\] = 2 must be in \[0, 2\)"):
        model.values([[1, 1, 1, 1]], types=[[0, 1, 0, 2]])
    with pytest.raises(ValueError, match=r"types: shape \(3,\) must be .* \(1, 4\)"):
        model.values([[1, 1, 1, 1]], types=[0, 1, 0])
    with pytest.raises(ValueError, match="types need a model with token_types"):
        Model(small()).logits([[1, 1]], types=[[0, 0]])


def test_gradients_add_up_until_the_step(rng):
    """Two micro-batches give the gradient of both; zero_grad starts anew."""
    c = small()
    p = ref.random_parameters(c, rng)
    model, want = engine(c, p), {name: np.zeros(array.shape) for name, array in p.items()}
    for _ in range(2):
        tokens, targets, segments = packed(c, rng)
        dy = rng.normal(size=len(tokens)).astype(np.float32)
        model.forward_backward(tokens, targets, dy, segments)
        for name, g in ref.backward(c, p, tokens, segments, targets, dlogp=dy).items():
            want[name] += g
    for name, g in model.gradients().items():
        assert error(g, want[name]) <= 1e-5, name
    norm = np.sqrt(sum((g * g).sum() for g in want.values()))
    assert model.grad_norm() == pytest.approx(norm, rel=1e-5)
    model.zero_grad()
    assert model.grad_norm() == 0


def test_initial_weights_have_random_numbers_of_their_own():
    """Normal by Box-Muller, keyed by the seed, the tensor's place in the list and the element's."""
    c, seed = small(layers=1), 11
    weights = Model(c, seed=seed).parameters()
    matrices = [name for name, array in weights.items() if array.ndim == 2]
    for tensor, name in enumerate(matrices):
        std = 0.02 / np.sqrt(2 * c.layers) if name.endswith("proj.weight") else 0.02
        for i, x in enumerate(weights[name].reshape(-1)[:20]):
            a, b, *_ = _core.philox(seed, 1 << 56 | tensor, i)
            normal = np.sqrt(-2 * np.log((a + 1) / 2**32)) * np.cos(2 * np.pi * b / 2**32)
            np.testing.assert_allclose(x, std * normal, rtol=1e-5, atol=1e-9)
