"""Training from fixed weights gives fixed losses, repeats, resumes to the bit, and learns.

The golden losses are the float64 reference's, printed by

    PYTHONPATH=python:tests python tests/model/test_golden.py
"""

import numpy as np
import pytest

from gptengine import Config, Model
from model.engine import bits, engine
from reference import model as ref
from reference.optimizer import AdamW, clip

SIZES = dict(vocab_size=53, context_length=16, layers=2, heads=4, model_dim=32)
SHAPES = {"gpt2": Config(**SIZES), "llama": Config.llama(**SIZES, kv_heads=2)}
B, T, STEPS = 4, 16, 10
OPTIONS = dict(lr=3e-3, weight_decay=0.1, clip=1.0)

GOLDEN = {
    "gpt2": [
        3.9921221, 3.9898162, 3.9022378, 3.8103968, 3.8293686,
        3.7841314, 3.6209739, 3.6071199, 3.4424152, 3.3987913,
    ],
    "llama": [
        4.0106973, 3.8414723, 3.7011291, 3.5632634, 3.4551724,
        3.5671672, 3.2821784, 3.1426519, 2.8800067, 2.8010746,
    ],
}  # fmt: skip


def weights(c):
    return ref.random_parameters(c, np.random.default_rng(0), scale=0.05)


def batches(steps=STEPS, seed=1):
    """Different inputs every step, with something in them to learn: the next token is 3 t + 1."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        tokens = rng.integers(SIZES["vocab_size"], size=(B, T), dtype=np.int32)
        yield tokens, (3 * tokens + 1) % SIZES["vocab_size"]


def train(model, batches):
    """The loss before each step."""
    losses = []
    for tokens, targets in batches:
        dlogp = np.full(targets.size, -1 / targets.size, np.float32)
        losses.append(-float(model.forward_backward(tokens, targets, dlogp).mean()))
        model.step(**OPTIONS)
    return losses


def reference_losses(c):
    p = weights(c)
    optimizer, losses, segments = AdamW(p), [], np.arange(B + 1) * T
    for tokens, targets in batches():
        tokens, targets = tokens.ravel(), targets.ravel()
        hidden, _ = ref.forward(c, p, tokens, segments)
        losses.append(-ref.logp_of(c, p, hidden, targets).mean())
        dlogp = np.full(targets.size, -1 / targets.size)
        g, _ = clip(ref.backward(c, p, tokens, segments, targets, dlogp), OPTIONS["clip"])
        p = optimizer.step(p, g, OPTIONS["lr"], OPTIONS["weight_decay"])
    return losses


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype, rtol", [("float32", 1e-5), ("bfloat16", 1e-2)])
def test_ten_steps(shape, dtype, rtol):
    """The tolerance is for other instruction sets, which sum in other orders."""
    losses = train(engine(SHAPES[shape], weights(SHAPES[shape]), dtype), batches())
    np.testing.assert_allclose(losses, GOLDEN[shape], rtol=rtol)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_ten_saved_loaded_and_ten_more_are_twenty(shape, dtype, tmp_path):
    twenty = list(batches(20))
    straight = Model(SHAPES[shape], seed=3, dtype=dtype)
    losses = train(straight, twenty)

    first = Model(SHAPES[shape], seed=3, dtype=dtype)
    assert train(first, twenty[:10]) == losses[:10]
    first.save(tmp_path / "model")
    state = first.optimizer_state()
    second = Model.load(tmp_path / "model", dtype=dtype)
    second.load_optimizer_state(state)
    assert train(second, twenty[10:]) == losses[10:]
    assert bits(*second.parameters().values()) == bits(*straight.parameters().values())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_learns_one_batch_by_heart(shape, dtype):
    rng = np.random.default_rng(5)
    tokens, targets = rng.integers(SIZES["vocab_size"], size=(2, B, T), dtype=np.int32)
    losses = train(Model(SHAPES[shape], dtype=dtype), [(tokens, targets)] * 150)
    assert losses[0] == pytest.approx(np.log(SIZES["vocab_size"]), rel=0.1)
    assert losses[-1] < 0.02


if __name__ == "__main__":
    for name, c in SHAPES.items():
        print(f'    "{name}": {[round(float(loss), 7) for loss in reference_losses(c)]},')
