"""Decoding with the cache gives what the full forward pass gives, to the last bit in float32."""

import numpy as np
import pytest

from gptengine import Model, Tokenizer, _core
from gptengine.generate import stream
from gptengine.generator import Generator
from gptengine.sampler import Sampler
from model.cases import DECODERS, SHAPES, small
from model.engine import bits, engine
from reference import model as ref

LENGTHS = (5, 1, 66)


@pytest.fixture(params=DECODERS)
def c(request):
    return SHAPES[request.param]


def model_and_prompts(c, rng, dtype="float32"):
    model = engine(c, ref.random_parameters(c, rng, scale=0.1), dtype)
    return model, [rng.integers(c.vocab_size, size=n, dtype=np.int32) for n in LENGTHS]


def test_cached_logits_are_the_full_pass(c, rng):
    """Three sequences side by side, a different number of new tokens of each at a time."""
    model, _ = model_and_prompts(c, rng)
    texts = rng.integers(c.vocab_size, size=(3, 140), dtype=np.int32)
    want = model.logits(texts, last_only=False).reshape(3, 140, -1)
    cache = _core.KVCache(model.engine_config, model.dtype, 10)
    tables = np.array([[7, 0, 9], [3, 1, 8], [2, 6, 4]], np.int32)
    starts = np.zeros(3, np.int32)
    for counts in [(1, 7, 70), (1, 1, 1), (64, 2, 1), (1, 1, 1), (3, 90, 5)]:
        spans = [slice(s, s + n) for s, n in zip(starts, counts, strict=True)]
        tokens = np.concatenate([text[span] for text, span in zip(texts, spans, strict=True)])
        segments = np.cumsum([0, *counts], dtype=np.int32)
        got = np.empty((len(tokens), c.vocab_size), np.float32)
        rows = np.arange(len(tokens), dtype=np.int32)
        model.engine.decode(got, cache, tokens, segments, tables, starts, rows)
        expected = [w[span] for w, span in zip(want, spans, strict=True)]
        assert bits(got) == bits(np.concatenate(expected))
        starts += np.array(counts, np.int32)


def test_logprobs_of_what_it_wrote(c, rng):
    """The probability reported while writing is the one that training sees."""
    model, prompts = model_and_prompts(c, rng)
    for prompt, out in zip(prompts, model.generate(prompts, max_new_tokens=60), strict=True):
        assert len(out.tokens) == 60
        whole = np.concatenate([prompt, out.tokens]).astype(np.int32)
        logp = model.logprob(whole[:-1], whole[1:])[len(prompt) - 1 :]
        assert bits(out.logprobs) == bits(logp)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_greedy_takes_the_most_likely(c, dtype, rng):
    model, prompts = model_and_prompts(c, rng, dtype)
    for prompt, out in zip(
        prompts, model.generate(prompts, max_new_tokens=20, temperature=0), strict=True
    ):
        whole = np.concatenate([prompt, out.tokens]).astype(np.int32)
        logits = model.logits(whole[:-1], last_only=False)[len(prompt) - 1 :]
        chosen = logits[np.arange(20), out.tokens]
        slack = 0 if dtype == "float32" else 0.05 * np.abs(logits).max()
        assert (chosen >= logits.max(-1) - slack).all()


def test_threads_and_company_change_nothing(c, rng):
    model, prompts = model_and_prompts(c, rng)
    before, texts = _core.threads(), []
    for n in (1, 2, 3):
        _core.set_threads(n)
        texts.append(
            [bits(o.tokens, o.logprobs) for o in model.generate(prompts, max_new_tokens=40, seed=7)]
        )
    _core.set_threads(before)
    assert texts[0] == texts[1] == texts[2]
    [alone] = model.generate(prompts[:1], max_new_tokens=40, seed=7)
    assert bits(alone.tokens, alone.logprobs) == texts[0][0]


def test_stops_at_the_context(c, rng):
    model, prompts = model_and_prompts(c, rng)
    outs = model.generate(prompts, max_new_tokens=1000)
    room = c.context_length + 1  # the last token drawn is not read again
    assert [len(p) + len(o.tokens) for p, o in zip(prompts, outs, strict=True)] == [room] * 3
    assert {o.finish for o in outs} == {"context"}


@pytest.mark.parametrize("most", [2**31, 2**63, 10**30])
def test_limits_may_be_any_size(most):
    c = small()
    model, prompt = Model(c), np.array([1, 2], np.int32)
    want = model.generate([prompt], max_new_tokens=c.context_length)[0].tokens
    got = model.generate([prompt], max_new_tokens=most, top_k=most)[0].tokens
    np.testing.assert_array_equal(got, want)


def test_top_k_is_a_whole_number():
    for top_k in 2.5, "2", True:
        with pytest.raises(ValueError, match=f"top_k {top_k!r} must be a whole number"):
            Sampler(top_k=top_k)
    assert Sampler(top_k=np.int32(3)).top_k == 3


def test_nothing_is_allocated_while_decoding(c, rng):
    model, prompts = model_and_prompts(c, rng)
    generator = Generator(model, slots=3)
    requests = [generator.submit(prompt, 30) for prompt in prompts]
    counts = [_core.allocation_count() for event in generator.run() if event.request is requests[0]]
    assert counts[1:] == counts[1:2] * 29


def test_padding_of_the_vocabulary_is_not_drawn():
    """The padded model would draw a token that the tokenizer has not: nearly all of its ids."""
    tok = Tokenizer.bytes()
    model = Model(small(vocab_size=50 * tok.vocab_size))
    text = "".join(stream(model, tok, "a", max_new_tokens=30, seed=1))
    assert text
    with pytest.raises(ValueError, match="tokenizer has 257 tokens, .* only 67"):
        stream(Model(small()), tok, "a")
