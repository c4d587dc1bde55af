"""Constrained texts of a generator match, and are those that each request writes alone."""

import re

import numpy as np
import pytest

from generate.setting import TINY, finished, same, tiny
from gptengine import Model, Tokenizer
from gptengine.constraint import Regex
from gptengine.generator import Generator
from gptengine.kv_blocks import BLOCK
from gptengine.sampler import Sampler

TOK = Tokenizer.bytes()
LETTERS = r"[ab]{20}(cd?|[0-9]{30,60}\.)"
GRAMMAR = Regex(LETTERS).compile(TOK)
C = TINY.__class__(**{**TINY.to_dict(), "vocab_size": TOK.vocab_size})


def write(model, count=6, **options):
    generator = Generator(model, TOK, **{"slots": 4, **options})
    sampler = Sampler(repetition_penalty=1.1, logit_bias={ord("c"): -1.0})
    requests = [
        generator.submit([65 + i] * 9, constraint=GRAMMAR, sampler=sampler, seed=i, n=2)
        for i in range(count)
    ]
    return finished(generator, requests), generator.stats


def near(model):
    other, rng = Model(model.config), np.random.default_rng(0)
    noise = {n: w + 0.1 * rng.normal(size=w.shape) for n, w in model.parameters().items()}
    other.set_parameters({n: w.astype(np.float32) for n, w in noise.items()})
    return other


def test_they_match_and_end():
    texts, _ = write(tiny(C))
    ends = set()
    for text in (text for both in texts for text in both):
        assert re.fullmatch(LETTERS, text.text) and text.finish == "stop"
        assert TOK.eos_id not in text.tokens
        ends.add(text.text[-1])
    assert len(ends) > 1


def test_eviction_and_guessing_change_nothing():
    model = tiny(C)
    texts, _ = write(model)
    for options in dict(kv_tokens=2 * BLOCK, prefill_tokens=5), dict(draft="ngram"):
        others, stats = write(model, **options)
        assert stats.preempted or stats.accepted
        for one, other in zip(texts, others, strict=True):
            same(one, other)


@pytest.mark.parametrize("draft", [None, "ngram", "model"])
def test_a_text_that_no_token_can_follow_ends_alone(draft):
    """One whose steps contradict each other from its sixth token on; it says so, once."""
    model = tiny(C)
    generator = Generator(model, TOK, slots=3, draft=near(model) if draft == "model" else draft)
    prompt = TOK.encode("ab" * 9)
    both = Regex("(ab){30}").compile(TOK), Sampler(forced={5: ord("x")})
    others = [generator.submit(prompt, 20, seed=i) for i in range(2)]
    wrong = generator.submit(prompt, constraint=both[0], sampler=both[1], n=2)
    events, says = [], []
    while not generator.idle:
        try:
            events += generator.step()
        except ValueError as error:
            says.append(str(error))
    assert len(says) == 1 and "constraint, allowed and forced at place 5 of sample" in says[0]
    assert {text.finish for text in wrong.completions} == {"error"} and str(wrong.error) == says[0]
    assert any(text.text == "ababa" for text in wrong.completions)
    want = Generator(model, TOK, slots=1, draft=near(model) if draft == "model" else draft)
    for i, texts in enumerate(finished(generator, others)):
        same(texts, finished(want, [want.submit(prompt, 20, seed=i)])[0])
        told = [e.token for e in events if e.request is others[i]]
        assert told == texts[0].tokens.tolist()


@pytest.mark.parametrize("top_logprobs", [0, 3])
def test_a_drafts_guesses_follow_the_constraint_too(top_logprobs):
    """It guesses from a copy of the sampling state, so that the places agree."""
    model = tiny(C)
    draft, texts = near(model), []
    for draft_tokens in 1, 4, 7:
        generator = Generator(model, TOK, slots=3, draft=draft, draft_tokens=draft_tokens)
        requests = [
            generator.submit([66], constraint=GRAMMAR, seed=i, n=2, top_logprobs=top_logprobs)
            for i in range(3)
        ]
        texts.append(finished(generator, requests))
        assert draft_tokens == 1 or generator.stats.accepted > generator.stats.guessed // 3
    for other in texts[1:]:
        for one, two in zip(texts[0], other, strict=True):
            same(one, two)
    for text in (text for both in texts[0] for text in both):
        assert re.fullmatch(LETTERS, text.text) and text.finish == "stop"
        assert text.top_ids.shape == (len(text.tokens), top_logprobs)
    exact, _ = write(model, draft=model, draft_tokens=4)
    assert all(re.fullmatch(LETTERS, text.text) for both in exact for text in both)
