"""Next-token probabilities against the model's own logits."""

import numpy as np
import pytest

from gptengine import Model
from gptengine.look import probabilities, token_probabilities
from model.cases import SHAPES, small


@pytest.fixture(scope="module")
def model():
    return Model(SHAPES["llama"], seed=2)


def test_probability_rank_and_the_likeliest(model, rng):
    tokens = rng.integers(0, model.config.vocab_size, 30)
    found = token_probabilities(model, tokens, 7)
    z = model.logits(tokens, last_only=False)[:-1].astype(np.float64)
    logp = z - np.log(np.exp(z).sum(-1, keepdims=True))
    its = logp[np.arange(29), tokens[1:]]
    np.testing.assert_allclose(found.logprob, its, atol=1e-5)
    np.testing.assert_allclose(found.logprob, model.logprob(tokens[:-1], tokens[1:]), atol=1e-4)
    assert found.rank.tolist() == [1 + (row > p).sum() for row, p in zip(logp, its, strict=True)]
    assert np.array_equal(found.top_ids, np.argsort(-logp, -1, kind="stable")[:, :7])
    np.testing.assert_allclose(found.top_logprobs, -np.sort(-logp, -1)[:, :7], atol=1e-5)
    assert found.nats_per_token == pytest.approx(-its.mean(), abs=1e-5)
    assert found.bits_per_byte(58) == pytest.approx(-its.sum() / np.log(2) / 58, abs=1e-5)
    assert found.bits_per_byte(0) == np.inf


def test_memory_is_bounded_and_the_bits_are_not_its(model, rng, monkeypatch):
    tokens = rng.integers(0, model.config.vocab_size, 20)
    whole = token_probabilities(model, tokens, 3)
    monkeypatch.setattr(probabilities, "MOST_LOGITS", 3 * model.config.vocab_size)
    parts = token_probabilities(model, tokens, 3)
    for name in ("logprob", "rank", "top_ids", "top_logprobs"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))


def test_what_predicts_nothing_is_refused(model):
    with pytest.raises(ValueError, match="1 tokens must be at least 2"):
        token_probabilities(model, [3])
    for c in (small(causal=False), small(head="value")):
        with pytest.raises(ValueError, match=f"head {c.head} and causal {c.causal}"):
            token_probabilities(Model(c), [1, 2])
    assert token_probabilities(model, [1, 2], 10**9).top_ids.shape == (1, model.config.vocab_size)
