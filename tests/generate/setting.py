"""What the tests of the generator share: tiny models, mixed requests, and texts written alone."""

import dataclasses

import numpy as np

from gptengine.config import Config
from gptengine.generator import Generator
from gptengine.kv_blocks import BLOCK
from gptengine.sampler import Sampler
from model.engine import engine
from reference import model as ref

TINY = Config(vocab_size=61, context_length=200, layers=1, heads=2, model_dim=16)
WINDOW = dataclasses.replace(TINY, position="rope", window=70)
SAMPLERS = [
    Sampler(),
    Sampler(temperature=0),
    Sampler(temperature=0.8, top_k=9, top_p=0.9),
    Sampler(
        typical=0.9,
        repetition_penalty=1.2,
        frequency_penalty=0.3,
        penalty_window=40,
        logit_bias={3: 1.5},
        forbidden=[4],
        allowed=range(1, 50),
        forced={2: 7, 30: 8},
    ),
]


def tiny(c=TINY, seed=0, dtype="float32"):
    return engine(c, ref.random_parameters(c, np.random.default_rng(seed), scale=0.3), dtype)


def finished(generator, requests):
    """The completions of all requests, with nothing left behind."""
    for _ in generator.run():
        pass
    assert_nothing_left(generator)
    return [request.completions for request in requests]


def assert_nothing_left(generator):
    """Every block is free or only kept for reuse."""
    blocks = generator._blocks
    assert generator.idle and blocks.available == blocks.count
    assert len({*blocks._free, *(node.block for node in blocks._idle)}) == blocks.count
    assert all(not node.users for node in blocks._idle)


def alone(model, prompt, **options):
    """What a request gives in a generator of its own, of the plainest kind."""
    generator = Generator(model, slots=1, kv_tokens=len(prompt) + BLOCK * 4, prefill_tokens=10**4)
    return finished(generator, [generator.submit(prompt, **options)])[0]


def same(ones, others):
    for one, other in zip(ones, others, strict=True):
        assert one.tokens.tolist() == other.tokens.tolist() and one.finish == other.finish
        assert one.logprobs.tobytes() == other.logprobs.tobytes()
        assert one.text == other.text
