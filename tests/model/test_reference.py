"""The reference against itself: its spelled-out gradients against the complex step."""

import numpy as np
import pytest

from model.cases import CASES, case_id, packed
from reference import model as ref
from reference.optimizer import AdamW, clip


@pytest.mark.parametrize("c", CASES, ids=case_id)
def test_backward_matches_complex_step(c, rng):
    """A derivative along a random direction of each parameter sees an error anywhere in it."""
    p = ref.random_parameters(c, rng)
    tokens, targets, segments = packed(c, rng, (5, 1, 9))
    dy = rng.normal(size=3 if c.head == "reward" else len(tokens))

    def loss(p):
        hidden, _ = ref.forward(c, p, tokens, segments)
        if c.head == "lm":
            return (dy * ref.logp_of(c, p, hidden, targets)).sum()
        return (dy * ref.values_of(c, p, hidden, segments)).sum()

    g = ref.backward(c, p, tokens, segments, targets, dlogp=dy, dvalue=dy)
    assert g.keys() == p.keys()
    for name in p:
        direction = rng.normal(size=p[name].shape)
        moved = p | {name: p[name] + 1e-30j * direction}
        want = loss(moved).imag / 1e-30
        np.testing.assert_allclose((g[name] * direction).sum(), want, rtol=1e-9, atol=1e-12)


def test_shapes_are_those_of_the_config():
    for c in CASES:
        assert list(ref.parameter_shapes(c).items()) == list(c.parameter_shapes().items())


def test_alibi_slopes_of_the_paper():
    np.testing.assert_allclose(ref.alibi_slopes(8), 2.0 ** -np.arange(1, 9))
    more = 2.0 ** -(np.arange(4) + 0.5)
    np.testing.assert_allclose(ref.alibi_slopes(12), [*2.0 ** -np.arange(1, 9), *more])


def test_adamw_first_step_is_the_sign(rng):
    """After one step m/sqrt(v) is the sign of the gradient; vectors are not decayed."""
    p = {"w": rng.normal(size=(2, 3)), "b": rng.normal(size=3)}
    g = {name: rng.normal(size=array.shape) for name, array in p.items()}
    after = AdamW(p).step(p, g, lr=0.1, weight_decay=0.5)
    np.testing.assert_allclose(after["b"], p["b"] - 0.1 * np.sign(g["b"]), rtol=1e-6)
    np.testing.assert_allclose(after["w"], p["w"] * 0.95 - 0.1 * np.sign(g["w"]), rtol=1e-6)


def test_clip_scales_to_the_limit(rng):
    g = {"w": rng.normal(size=(2, 3)), "b": rng.normal(size=3)}
    clipped, norm = clip(g, 0.5)
    assert norm == pytest.approx(np.linalg.norm(np.concatenate([g["w"].ravel(), g["b"]])))
    assert clip(clipped, 0.0)[1] == pytest.approx(0.5)
    assert np.array_equal(clip(g, norm + 1)[0]["w"], g["w"])
