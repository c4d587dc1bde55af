"""Thousands of requests of every kind: nothing leaks, and each says what it says alone.

GPTE_REQUESTS=10000 for the long run.
"""

import os

import numpy as np

from generate.setting import SAMPLERS, WINDOW, assert_nothing_left, same, tiny
from gptengine import Tokenizer, _core
from gptengine.generator import Generator
from gptengine.kv_blocks import BLOCK

REQUESTS = int(os.environ.get("GPTE_REQUESTS", "150"))


def test_many_requests():
    rng, tok = np.random.default_rng(0), Tokenizer.bytes()
    c = WINDOW.__class__(**{**WINDOW.to_dict(), "vocab_size": tok.vocab_size})
    model = tiny(c)
    generator = Generator(model, tok, slots=12, kv_tokens=14 * BLOCK, prefill_tokens=40, queue=40)
    common = rng.integers(256, size=130)
    requests, kinds, finishes, steps, allocations = [], [], {}, 0, []
    while len(requests) < REQUESTS or not generator.idle:
        while len(requests) < REQUESTS and len(generator._waiting) < 30:
            prompt = rng.integers(256, size=int(rng.integers(1, 140)))
            if rng.random() < 0.5:
                shared = int(rng.integers(min(len(prompt), len(common))))
                prompt[:shared] = common[:shared]
            options = dict(
                max_new_tokens=int(rng.integers(1, 50)),
                sampler=SAMPLERS[rng.integers(len(SAMPLERS))],
                seed=int(rng.integers(1000)),
                stop_ids=rng.integers(256, size=2).tolist(),
                stop=["a", "qu"] if rng.random() < 0.3 else [],
                n=int(rng.integers(1, 4)),
            )
            kinds.append((prompt, options))
            requests.append(generator.submit(prompt, **options, priority=int(rng.integers(3))))
        if rng.random() < 0.2:
            generator.cancel(requests[rng.integers(max(0, len(requests) - 40), len(requests))])
        generator.step()
        steps += 1
        if steps % 100 == 0:
            allocations.append(_core.allocation_count())
    assert_nothing_left(generator)
    # Operators get to know the sizes in the beginning.
    assert len(set(allocations[len(allocations) // 2 :])) <= 1
    for request, kind in zip(requests, kinds, strict=True):
        for text in request.completions:
            finishes[text.finish] = finishes.get(text.finish, 0) + 1
        going = [i for i, text in enumerate(request.completions) if text.finish != "cancelled"]
        same([request.completions[i] for i in going], alone_with(tok, model, kind, going))
    assert all(finishes[why] > REQUESTS // 40 for why in ("stop", "length", "cancelled"))
    assert generator.stats.preempted and generator.stats.reused
    print(finishes, generator.stats)


def alone_with(tok, model, kind, samples):
    """Some of the samples of a request, one by one in a generator that knows nothing else."""
    prompt, options = kind
    generator = Generator(model, tok, slots=1, kv_tokens=4 * BLOCK, prefill_tokens=10**3)
    texts = []
    for i in samples:
        request = generator.submit(prompt, **{**options, "n": 1}, first_sample=i)
        for _ in generator.run():
            pass
        generator._blocks.forget()
        texts += request.completions
    return texts
