"""The promises that are kept to the last bit: threads, packing, the cache, and no allocation."""

import numpy as np
import pytest

from gptengine import Model, _core
from model.cases import SHAPES, packed
from model.engine import bits, engine
from reference import model as ref

LENGTHS = (70, 1, 131, 17, 64)  # shorter and longer than a tile of keys
DTYPES = ["float32", "bfloat16"]
every_shape = pytest.mark.parametrize("shape", SHAPES)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)


@pytest.fixture
def threads():
    """Sets the number of threads for a test only."""
    before = _core.threads()
    yield _core.set_threads
    _core.set_threads(before)


def batch(c, rng, lengths=LENGTHS):
    tokens, targets, segments = packed(c, rng, lengths)
    return tokens, targets, segments, rng.normal(size=len(tokens)).astype(np.float32)


@every_dtype
@every_shape
def test_any_number_of_threads(shape, dtype, threads):
    """Forward, backward and ten steps."""

    def run(n):
        threads(n)
        rng, model = np.random.default_rng(0), Model(SHAPES[shape], seed=1, dtype=dtype)
        seen = []
        for _ in range(10):
            tokens, targets, segments, dlogp = batch(model.config, rng)
            seen.append(bits(model.forward(tokens, targets, segments)))
            model.backward(dlogp)
            seen.append(bits(*model.gradients().values()))
            seen.append(bits(np.float64(model.step(lr=1e-3))))
        return seen + [bits(*model.parameters().values())]

    one = run(1)
    assert one == run(2)
    assert one == run(3)


@every_shape
def test_packing(shape, rng):
    """A segment has the same logp and hidden states alone and among others, in any order."""
    c = SHAPES[shape]
    model = engine(c, ref.random_parameters(c, rng))
    tokens, targets, segments, _ = batch(c, rng)
    logp = model.logprob(tokens, targets, segments)
    hidden = model.hidden(tokens, segments)
    spans = [slice(a, b) for a, b in zip(segments[:-1], segments[1:], strict=True)]
    for span in spans:
        assert bits(model.logprob(tokens[span], targets[span])) == bits(logp[span])
        assert bits(model.hidden(tokens[span])) == bits(hidden[span])
    order = np.concatenate([np.arange(s.start, s.stop) for s in reversed(spans)])
    turned = np.concatenate([[0], np.cumsum(LENGTHS[::-1])]).astype(np.int32)
    assert bits(model.logprob(tokens[order], targets[order], turned)) == bits(logp[order])


def test_empty_segments_change_nothing(rng):
    model = Model(SHAPES["gpt2"])
    tokens, targets, _, _ = batch(model.config, rng, (8,))
    two, four = np.array([0, 3, 8], np.int32), np.array([0, 0, 3, 3, 8], np.int32)
    want = bits(model.logprob(tokens, targets, two))
    assert bits(model.logprob(tokens, targets, four)) == want


@every_shape
def test_rows_of_a_batch(shape, rng):
    """(B, T) tokens are B segments of T tokens."""
    c = SHAPES[shape]
    model = Model(c)
    tokens, targets, segments, _ = batch(c, rng, (50, 50, 50))
    flat = bits(model.logprob(tokens, targets, segments))
    assert bits(model.logprob(tokens.reshape(3, 50), targets.reshape(3, 50))) == flat


@every_dtype
@every_shape
def test_training_and_evaluation_agree(shape, dtype, rng):
    """forward, logprob and forward_backward give one logp; both ways back give one gradient."""
    c = SHAPES[shape]
    model = engine(c, ref.random_parameters(c, rng), dtype)
    tokens, targets, segments, dlogp = batch(c, rng)
    logp = bits(model.logprob(tokens, targets, segments))
    assert bits(model.forward(tokens, targets, segments)) == logp
    model.backward(dlogp)
    gradients = bits(*model.gradients().values())
    model.zero_grad()
    assert bits(model.forward_backward(tokens, targets, dlogp, segments)) == logp
    assert bits(*model.gradients().values()) == gradients


@every_dtype
@every_shape
def test_nothing_is_allocated_in_a_step(shape, dtype, rng):
    model = Model(SHAPES[shape], dtype=dtype)
    counts = []
    for lengths in LENGTHS, LENGTHS[:3], LENGTHS[2:], LENGTHS:
        tokens, targets, segments, dlogp = batch(model.config, rng, lengths)
        model.forward_backward(tokens, targets, dlogp, segments)
        model.step(lr=1e-3)
        model.forward(tokens, targets, segments)
        model.backward(dlogp)
        model.logprob(tokens, targets, segments)
        counts.append(_core.allocation_count())
    assert counts[1:] == counts[1:2] * 3
