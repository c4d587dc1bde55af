"""Guessing changes how fast a text is written, not how likely it is; greedily not what it says."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generate.setting import SAMPLERS, TINY, WINDOW, finished, same, tiny
from gptengine import Config, Model
from gptengine.generator import Generator
from gptengine.kv_blocks import BLOCK
from gptengine.sampler import Sampler
from gptengine.speculative import follow, judge, pick
from reference.sampling import adjusted, chi_square_score, kept_probabilities

FLAT = Config(vocab_size=7, context_length=40, layers=1, heads=2, model_dim=8)


def write(model, prompts, samplers=SAMPLERS, n=1, most=50, **options):
    generator = Generator(model, **{"slots": 5, "queue": 10**5, **options})
    requests = [
        generator.submit(prompt, most, sampler=samplers[i % len(samplers)], seed=i, n=n)
        for i, prompt in enumerate(prompts)
    ]
    return finished(generator, requests), generator.stats


def prompts(count=9):
    rng = np.random.default_rng(1)
    return [np.tile(rng.integers(61, size=int(rng.integers(1, 20))), 5) for _ in range(count)]


def near(model, noise, seed=0):
    """A model whose weights differ a little: a good draft."""
    rng = np.random.default_rng(seed)
    other = Model(model.config)
    weights = {name: w + noise * rng.normal(size=w.shape) for name, w in model.parameters().items()}
    other.set_parameters({name: w.astype(np.float32) for name, w in weights.items()})
    return other


@pytest.mark.parametrize("c", [TINY, WINDOW], ids=["full", "window"])
def test_ngrams_write_the_same_text(c):
    model = tiny(c)
    plain, before = write(model, prompts(), n=2)
    for options in dict(), dict(draft_tokens=1), dict(kv_tokens=4 * BLOCK, prefill_tokens=30):
        guessed, stats = write(model, prompts(), n=2, draft="ngram", **options)
        assert stats.accepted and (stats.steps < before.steps or stats.preempted)
        for one, other in zip(plain, guessed, strict=True):
            same(one, other)


def test_greedy_text_is_the_models_own():
    model, greedy = tiny(), [Sampler(temperature=0)]
    plain, _ = write(model, prompts(), greedy)
    for noise in 0.02, 10:
        guessed, stats = write(model, prompts(), greedy, draft=near(model, noise))
        assert stats.accepted < stats.guessed
        for one, other in zip(plain, guessed, strict=True):
            same(one, other)


def test_the_model_agrees_with_itself():
    model = tiny()
    texts, stats = write(model, prompts(), draft=near(model, 0), draft_tokens=4, most=41)
    # The first token comes alone, then four at a time.
    assert stats.guessed == stats.accepted == len(texts) * 30
    logp = model.logprob(*_shifted(prompts()[0], texts[0][0].tokens))[-41:]
    assert texts[0][0].logprobs.tobytes() == logp.tobytes()


def _shifted(prompt, tokens):
    whole = np.concatenate([prompt, tokens]).astype(np.int32)
    return whole[:-1], whole[1:]


def test_how_many_are_guessed_changes_no_text():
    model = tiny()
    draft = near(model, 0.05)
    texts, _ = write(model, prompts(), n=2, draft=draft)
    for options in [
        dict(draft_tokens=1),
        dict(draft_tokens=7, slots=2),
        dict(kv_tokens=4 * BLOCK, prefill_tokens=11),
    ]:
        others, stats = write(model, prompts(), n=2, draft=draft, **options)
        assert "kv_tokens" not in options or stats.preempted
        for one, other in zip(texts, others, strict=True):
            same(one, other)


@pytest.mark.parametrize(
    "options",
    [
        dict(),
        dict(temperature=1.5, top_k=5, top_p=0.9),
        dict(temperature=1.5, typical=0.8),
        dict(repetition_penalty=1.5, frequency_penalty=0.7),
    ],
    ids=str,
)
@pytest.mark.parametrize("noise", [0.1, 3.0])
def test_texts_are_as_likely_as_the_sampler_says(options, noise):
    """All texts of three tokens, against the product of their probabilities."""
    model = tiny(FLAT)
    count, V = 4000, FLAT.vocab_size
    draft = near(model, noise)
    [texts], stats = write(
        model, [[3]], [Sampler(**options)], n=count, most=3, slots=64, draft=draft
    )
    assert 0 < stats.accepted < stats.guessed
    seen = np.zeros((V, V, V))
    for text in texts:
        seen[tuple(text.tokens)] += 1
    penalties = {
        name.removesuffix("_penalty"): options[name] for name in options if "penalty" in name
    }
    cuts = {name: value for name, value in options.items() if "penalty" not in name}
    p = np.ones((V, V, V))
    grid = np.stack(np.meshgrid(*[np.arange(V)] * 3, indexing="ij"), -1)
    for length in range(3):
        for start in np.ndindex(*[V] * length):
            z = model.logits(np.array([[3, *start]], np.int32))[0]
            z = adjusted(z, history=[3, *start], prompt=1, **penalties)
            here = (grid[..., :length] == np.array(start, int)).all(-1)
            p[here] *= kept_probabilities(z, **cuts)[grid[..., length][here]]
    assert abs(p.sum() - 1) < 1e-9
    assert chi_square_score(seen.ravel(), p.ravel()) < 4.5


def test_a_judged_guess_is_distributed_as_p():
    rng = np.random.default_rng(3)
    for _ in range(3):
        p, q = rng.dirichlet(np.full(9, 0.5)), rng.dirichlet(np.full(9, 0.5))
        p[2] = q[5] = 0  # what one of them never draws
        p, q = p / p.sum(), q / q.sum()
        draws = [judge(p, q, pick(q, u), v, w) for u, v, w in rng.random((8000, 3))]
        assert chi_square_score(np.bincount(draws, minlength=9), p) < 4.5


@given(st.lists(st.integers(0, 3) | st.just(256), max_size=30), st.integers(1, 4))
def test_ngrams_follow_the_last_place(tokens, most):
    """Tokens whose bytes repeat: a match that lies across tokens is none."""
    want = []
    for length in range(min(3, len(tokens) - 1), 0, -1):
        ends = [
            at + length
            for at in range(len(tokens) - length)
            if tokens[at : at + length] == tokens[-length:]
        ]
        if ends:
            want = tokens[ends[-1] :][:most]
            break
    assert follow(bytearray(np.array(tokens, np.int32).tobytes()), most) == want


@pytest.mark.parametrize(
    "options, says",
    [
        (dict(draft="nothing"), "draft 'nothing' must be 'ngram' or a Model"),
        (dict(draft="ngram", draft_tokens=0), "draft_tokens 0 must be from 1 to 32"),
        (dict(draft=Model(dataclasses.replace(TINY, causal=False))), "needs a causal model"),
        (dict(draft=Model(FLAT)), "the draft's vocab_size 7 must be the model's 61"),
        (
            dict(draft=Model(dataclasses.replace(TINY, context_length=30))),
            "the draft's context_length 30 must be the model's 200 or more",
        ),
    ],
)
def test_wrong_drafts_are_named(options, says):
    with pytest.raises(ValueError, match=says):
        Generator(tiny(), **options)
