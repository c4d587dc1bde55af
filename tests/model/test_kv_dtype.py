"""A cache of a smaller type rounds, but says the same however a text is cut and batched."""

import numpy as np
import pytest

from gptengine import Model, _core
from gptengine.generator import Generator
from gptengine.kv_blocks import BLOCK, block_bytes, new_cache
from model.cases import DECODERS, SHAPES, small
from model.engine import bits, engine
from reference import model as ref

KINDS = ["float32", "bfloat16", "q8"]


def model_of(shape, rng, dtype="float32", scale=0.1):
    return engine(SHAPES[shape], ref.random_parameters(SHAPES[shape], rng, scale=scale), dtype)


@pytest.mark.parametrize("shape", DECODERS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_chunks_change_no_bit(shape, dtype, kind, rng):
    """Each chunk reads its own keys back from the cache, as those after it do."""
    model = model_of(shape, rng, dtype)
    text = rng.integers(model.config.vocab_size, size=140, dtype=np.int32)
    targets, got = np.roll(text, -1), []
    for chunks in [140], [1] * 140, [70, 1, 1, 13, 55]:
        cache, start, logp = new_cache(model, kind, 3), 0, np.empty(140, np.float32)
        for n in chunks:
            new = slice(start, start + n)
            where = np.array([0, n], np.int32), np.array([[2, 0, 1]], np.int32)
            model.engine.cached_logprob(
                logp[new], cache, text[new], targets[new], *where, np.array([start], np.int32)
            )
            start += n
        got.append(bits(logp))
    assert got[0] == got[1] == got[2] == bits(model.logprob(text, targets, kv_dtype=kind))
    if dtype == kind == "float32" or (dtype == "bfloat16" and kind != "q8"):
        assert got[0] == bits(model.logprob(text, targets))  # nothing is rounded


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_texts_say_what_they_say_alone(dtype, kind, rng):
    """With company, shared beginnings, too few blocks and guesses; and as `logprob` has it."""
    model = model_of("llama", rng, dtype)
    prompts = [rng.integers(model.config.vocab_size, size=n, dtype=np.int32) for n in (5, 90, 1)]
    prompts.append(np.concatenate([prompts[1][:80], prompts[0]]))
    options = dict(max_new_tokens=40, kv_dtype=kind)
    alone = [model.generate([prompt], seed=3, **options)[0] for prompt in prompts]
    for draft in None, "ngram":
        generator = Generator(
            model, slots=3, kv_tokens=4 * BLOCK, prefill_tokens=17, kv_dtype=kind, draft=draft
        )
        requests = [generator.submit(prompt, 40, seed=3) for prompt in prompts]
        for _ in generator.run():
            pass
        assert generator.stats.reused and generator.stats.preempted
        for request, one in zip(requests, alone, strict=True):
            [text] = request.completions
            assert bits(text.tokens, text.logprobs) == bits(one.tokens, one.logprobs)
    for prompt, one in zip(prompts, alone, strict=True):
        whole = np.concatenate([prompt, one.tokens]).astype(np.int32)
        logp = model.logprob(whole[:-1], whole[1:], kv_dtype=kind)[len(prompt) - 1 :]
        assert bits(logp) == bits(one.logprobs)


def test_how_much_is_lost(rng):
    model = model_of("llama", rng)
    text = rng.integers(model.config.vocab_size, size=(3, 100), dtype=np.int32)
    plain = model.logprob(text, text)
    for kind, most in ("bfloat16", 0.005), ("q8", 0.015):
        assert 0 < np.abs(model.logprob(text, text, kv_dtype=kind) - plain).mean() < most


def test_what_a_cache_takes(rng):
    model = Model(small(head_dim=64))
    sizes = {kind: block_bytes(model, kind) for kind in KINDS}
    assert sizes["float32"] == 2 * sizes["bfloat16"] == 4 * sizes["q8"] * 64 // 72
    for kind, size in sizes.items():
        assert new_cache(model, kind, 3).bytes == 3 * size
        assert Generator(model, memory=3 * size, kv_dtype=kind)._cache.blocks == 3
        both = Generator(model, memory=4 * size, kv_dtype=kind, draft=model)
        assert both._cache.blocks == 2 and both._draft._cache.bytes == 2 * size
        planned = model.memory(1, training=False)["decoding"], block_bytes(model, None)
        assert planned[0] > planned[1]


def test_errors_name_what_is_there(rng):
    model, text = model_of("llama", rng), np.zeros((1, 5), np.int32)
    for call in (
        lambda: Generator(model, kv_dtype="q4"),
        lambda: model.generate(text, kv_dtype="q4"),
        lambda: model.logprob(text, text, kv_dtype="q4"),
    ):
        with pytest.raises(ValueError, match="kv_dtype 'q4' must be one of float32, bfloat16, q8"):
            call()
    with pytest.raises(ValueError, match="kv_dtype 'q8' and types exclude each other"):
        model.logprob(text, text, types=text, kv_dtype="q8")
    with pytest.raises(ValueError, match='"float16" must be float32, bfloat16 or q8'):
        _core.KVCache(model.engine_config, "float16", 1)
    with pytest.raises(ValueError, match="a cache needs a causal model"):
        Model(small(causal=False)).logprob(text, text, kv_dtype="q8")
