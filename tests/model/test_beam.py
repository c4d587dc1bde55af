"""Beam search finds what trying everything finds, and what a search without a cache finds."""

import itertools

import numpy as np
import pytest

from gptengine import Model
from gptengine.beam import beam_search
from model.cases import small

STOP = 2


def tiny(seed=0, **options):
    model = Model(small(vocab_size=5, **options), seed=seed)
    for array in model.parameters().values():
        if array.ndim == 2:
            array *= 8  # far from equal probabilities
    model.weights_changed()
    return model


def logp(model, prompt, tokens):
    whole = np.array([*prompt, *tokens], np.int32)
    return float(model.logprob(whole[:-1], whole[1:])[len(prompt) - 1 :].astype(float).sum())


def everything(model, prompt, most, length_penalty):
    """Every text that ends with STOP or at the most tokens: (score, tokens), the best first."""
    others = [v for v in range(model.config.vocab_size) if v != STOP]
    texts = [(*t, STOP) for n in range(most) for t in itertools.product(others, repeat=n)]
    texts += itertools.product(others, repeat=most)
    scored = [(logp(model, prompt, t) / len(t) ** length_penalty, t) for t in texts]
    return sorted(scored, reverse=True)


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.5, -1.0])
def test_a_wide_search_finds_the_best_of_all(length_penalty):
    for seed in range(3):
        model, prompt = tiny(seed), [1, 3, 0]
        want = everything(model, prompt, 4, length_penalty)
        got = beam_search(model, prompt, 4**4, 4, length_penalty, [STOP])
        assert len(got) == min(len(want), 4**4)
        for beam, (score, tokens) in zip(got[:20], want, strict=False):
            assert beam.score == pytest.approx(score, rel=1e-5)
            assert tuple(beam.tokens) == tuple(t for t in tokens if t != STOP)
            assert beam.finish == ("stop" if tokens[-1] == STOP else "length")
            assert beam.logprob == pytest.approx(score * len(tokens) ** length_penalty, rel=1e-5)


def slow_search(model, prompt, beams, most, length_penalty):
    """The same search, with a full pass over each beam in each step, and never ended early."""
    live, finished = [((), 0.0)], []
    for length in range(1, most + 1):
        ways = []
        for tokens, before in live:
            z = model.logits(np.array([*prompt, *tokens], np.int32))[0].astype(float)
            for token, p in enumerate(z - np.log(np.exp(z - z.max()).sum()) - z.max()):
                ways.append((before + p, (*tokens, token)))
        ways.sort(key=lambda way: -way[0])
        going = [way for way in ways if way[1][-1] != STOP][:beams]
        least = going[-1][0] if len(going) == beams else -np.inf
        ending = [way for way in ways if way[1][-1] == STOP and way[0] > least]
        ending += going if length == most else []
        finished += [(p / len(tokens) ** length_penalty, tokens) for p, tokens in ending]
        live = [(tokens, p) for p, tokens in going]
    return sorted(finished, reverse=True)[:beams]


@pytest.mark.parametrize("position", ["learned", "rope"])
@pytest.mark.parametrize("beams", [1, 2, 3, 5])
def test_the_cache_changes_nothing(beams, position):
    for seed, length_penalty in itertools.product(range(3), [0.0, 1.0]):
        model, prompt = tiny(seed, position=position), [4, 4, 1]
        got = beam_search(model, prompt, beams, 12, length_penalty, [STOP])
        want = slow_search(model, prompt, beams, 12, length_penalty)
        assert len(got) == len(want) == beams
        for beam, (score, tokens) in zip(got, want, strict=True):
            assert beam.score == pytest.approx(score, rel=1e-5)
            assert tuple(beam.tokens) == tuple(t for t in tokens if t != STOP)


@pytest.mark.parametrize("kv_dtype", ["bfloat16", "q8"])
def test_a_cache_of_few_bits(kv_dtype):
    """Each beam is as likely as the full pass with such a cache says, and some differ from it."""
    model, prompt = tiny(1, position="rope"), np.array([4, 0, 1])
    plain = beam_search(model, prompt, 4, 30)
    got = beam_search(model, prompt, 4, 30, kv_dtype=kv_dtype)
    for beam in got:
        whole = np.concatenate([prompt, beam.tokens]).astype(np.int32)
        want = model.logprob(whole[:-1], whole[1:], kv_dtype=kv_dtype)[len(prompt) - 1 :]
        assert beam.logprob == pytest.approx(want.astype(float).sum(), rel=1e-6)
    assert [beam.logprob for beam in got] != [beam.logprob for beam in plain]
    with pytest.raises(ValueError, match="kv_dtype 'int8' must be one of float32, bfloat16, q8"):
        beam_search(model, prompt, kv_dtype="int8")


def test_one_beam_is_greedy():
    model = tiny(5)
    [beam] = beam_search(model, [0, 1], 1, 100)
    [out] = model.generate([0, 1], max_new_tokens=100, temperature=0)
    assert np.array_equal(beam.tokens, out.tokens) and beam.finish == "length"
    assert beam.logprob == pytest.approx(out.logprobs.sum(), rel=1e-5)
    assert len(beam.tokens) == model.config.context_length + 1 - 2


@pytest.mark.parametrize(
    "options, says",
    [
        (dict(beams=0), "beams 0 must be a whole number, 1 or more"),
        (dict(max_new_tokens=1.5), "max_new_tokens 1.5 must be a whole number"),
        (dict(length_penalty=float("nan")), "length_penalty nan must be finite"),
        (
            dict(prompt=np.zeros(0, int)),
            "a prompt of 0 tokens must have from 1 to the context's 40",
        ),
        (dict(prompt=[0] * 41), "a prompt of 41 tokens must have from 1 to the context's 40"),
    ],
)
def test_wrong_arguments_are_named(options, says):
    with pytest.raises(ValueError, match="beam_search: " + says):
        beam_search(tiny(), **{"prompt": [1], **options})
