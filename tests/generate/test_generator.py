"""Many texts at once say what each says alone, and what the full pass says, to the last bit."""

import numpy as np
import pytest

from generate.setting import SAMPLERS, TINY, WINDOW, alone, finished, same, tiny
from gptengine import Tokenizer, _core
from gptengine.generator import Generator
from gptengine.kv_blocks import BLOCK
from gptengine.sampler import Sampler
from model.engine import bits
from ops.harness import DTYPES


def prompts(rng, count, longest=120):
    """Half of them begin alike, and some of these share more than a block."""
    common = rng.integers(TINY.vocab_size, size=longest, dtype=np.int32)
    for i in range(count):
        length = int(rng.integers(1, longest))
        prompt = rng.integers(TINY.vocab_size, size=length, dtype=np.int32)
        if i % 2:
            shared = int(rng.integers(length))
            prompt[:shared] = common[:shared]
        yield prompt


def assert_full_pass(model, prompt, completion):
    """The log-probabilities are those of the forward pass that training runs."""
    whole = np.concatenate([prompt, completion.tokens]).astype(np.int32)
    logp = model.logprob(whole[:-1], whole[1:])[len(prompt) - 1 :]
    assert bits(completion.logprobs) == bits(logp)


@pytest.mark.parametrize("c", [TINY, WINDOW], ids=["full", "window"])
@pytest.mark.parametrize("batch", [1, 8, 64])
@pytest.mark.parametrize("dtype", DTYPES)
def test_batches_are_the_full_pass(c, batch, dtype, rng):
    """Chunked reading, sharing, eviction and preemption: the cache is small on purpose."""
    model = tiny(c, dtype=dtype)
    generator = Generator(model, slots=batch, prefill_tokens=50, kv_tokens=max(256, batch * 70))
    asked = [(prompt, int(rng.integers(1, 80))) for prompt in prompts(rng, 2 * batch + 6)]
    sampler = lambda i: SAMPLERS[i % len(SAMPLERS)]
    requests = [
        generator.submit(prompt, most, sampler=sampler(i), seed=i)
        for i, (prompt, most) in enumerate(asked)
    ]
    results = finished(generator, requests)
    assert generator.stats.reused and (batch == 1 or generator.stats.preempted)
    for i, ((prompt, most), result) in enumerate(zip(asked, results, strict=True)):
        assert len(result[0].tokens) == most and result[0].finish == "length"
        assert_full_pass(model, prompt, result[0])
        if i % 5 == 0:
            same(result, alone(model, prompt, max_new_tokens=most, sampler=sampler(i), seed=i))


@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_about_the_generator_changes_a_text(dtype, rng):
    model, texts = tiny(dtype=dtype), []
    asked = list(prompts(rng, 9))
    threads = _core.threads()
    try:
        for slots, kv_tokens, chunk, n_threads in [
            (1, 200, 3, 1),
            (9, 2000, 256, 2),
            (4, 256, 17, 3),
        ]:
            _core.set_threads(n_threads)
            generator = Generator(model, slots=slots, kv_tokens=kv_tokens, prefill_tokens=chunk)
            requests = [generator.submit(prompt, 60, seed=5, n=3) for prompt in asked]
            texts.append(finished(generator, requests))
    finally:
        _core.set_threads(threads)
    for other in texts[1:]:
        for one, two in zip(texts[0], other, strict=True):
            same(one, two)
    assert len({t.tokens.tobytes() for t in texts[0][0]}) == 3  # the samples differ


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_prompt_is_read_once_for_all_samples(dtype):
    model = tiny(dtype=dtype)
    generator = Generator(model, slots=8)
    prompt = np.arange(BLOCK + 30, dtype=np.int32) % TINY.vocab_size
    [request] = [generator.submit(prompt, 40, n=8)]
    [texts] = finished(generator, [request])
    # all but the first read the last token again, for their own first draw
    assert generator.stats.prefilled == len(prompt) + 7
    assert generator.stats.reused == 7 * (len(prompt) - 1)
    for i, text in enumerate(texts):
        same([text], alone(model, prompt, max_new_tokens=40, first_sample=i))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_second_turn_reads_only_what_is_new(dtype, rng):
    """However long the history is, the time to the first token is that of the new text."""
    model = tiny(dtype=dtype)
    generator = Generator(model, slots=2, prefill_tokens=1000)
    history = rng.integers(TINY.vocab_size, size=20, dtype=np.int32)
    for turn in range(6):
        before = generator.stats.prefilled
        request = generator.submit(history, 15, seed=turn)
        assert len(generator.step()) == 1  # the first token
        assert generator.stats.prefilled - before == (20 if turn == 0 else 11)
        [[text]] = finished(generator, [request])
        assert_full_pass(model, history, text)
        new = rng.integers(TINY.vocab_size, size=10, dtype=np.int32)
        # of what it wrote, the last token was drawn but never read
        history = np.concatenate([history, text.tokens.astype(np.int32), new])


def test_a_long_prompt_does_not_hold_up_the_others(rng):
    generator = Generator(tiny(), slots=2, prefill_tokens=10)
    quick = generator.submit([1], 30)
    generator.step()
    generator.submit(rng.integers(TINY.vocab_size, size=150), 5)
    for _ in range(15):  # 150 tokens by 10
        events = generator.step()
        assert events[0].request is quick and events[0].token is not None
    assert len(events) == 2


def test_priority_then_arrival():
    generator = Generator(tiny(), slots=1)
    names = {generator.submit([1, i], 3, priority=p): i for i, p in enumerate([0, 1, 0, 5])}
    ended = [names[event.request] for event in generator.run() if event.finish]
    assert ended == [3, 1, 0, 2]


def test_a_slot_is_filled_at_the_next_step():
    generator = Generator(tiny(), slots=2)
    for i in range(4):
        generator.submit([i], 2 + i)
    running = [len(generator.step()) for _ in range(8)]
    assert running == [2, 2, 2, 2, 2, 2, 1, 1]


@pytest.mark.parametrize("dtype", DTYPES)
def test_all_blocks_are_enough_for_one(dtype):
    """The longest text that is accepted is written, whoever else wants blocks."""
    model = tiny(dtype=dtype)
    generator = Generator(model, slots=3, kv_tokens=3 * BLOCK)
    longest = generator.submit([1, 2], 3 * BLOCK - 1)
    others = [generator.submit([3, i], 100, seed=i) for i in range(5)]
    results = finished(generator, [longest, *others])
    assert generator.stats.preempted
    for i, (text,) in enumerate(results[1:]):
        same([text], alone(model, [3, i], max_new_tokens=100, seed=i))


def test_stops_and_ends(rng):
    tok = Tokenizer.bytes()
    model = tiny(TINY.__class__(**{**TINY.to_dict(), "vocab_size": 300}))
    generator = Generator(model, tok, slots=4, prefill_tokens=16)
    [free] = generator.submit([65], 60, seed=3).samples
    finished(generator, [free.request])
    [whole] = free.request.completions
    assert whole.tokens.max() < tok.vocab_size and whole.text == tok.decode(whole.tokens)
    by_id = generator.submit([65], 60, seed=3, stop_ids=[int(whole.tokens[20])])
    cut = whole.text[11:14]
    by_text = generator.submit([65], 60, seed=3, stop=[cut, "never there"])
    to_context = generator.submit([65] * 150)
    [[a], [b], [c]] = finished(generator, [by_id, by_text, to_context])
    assert a.finish == "stop" and int(whole.tokens[20]) not in a.tokens
    assert a.tokens.tolist() == whole.tokens[: len(a.tokens)].tolist()
    assert b.finish == "stop" and b.text == whole.text[: whole.text.index(cut)]
    assert c.finish == "context" and len(c.tokens) == TINY.context_length + 1 - 150


def test_events_are_the_completions():
    tok = Tokenizer.bytes()
    model = tiny(TINY.__class__(**{**TINY.to_dict(), "vocab_size": 257}))
    generator = Generator(model, tok, slots=3)
    request = generator.submit([65, 66], 30, n=3)
    tokens, text, ends = [[], [], []], ["", "", ""], [None] * 3
    for event in generator.run():
        tokens[event.sample].append((event.token, np.float32(event.logprob)))
        text[event.sample] += event.text
        ends[event.sample] = event.finish
    for i, done in enumerate(request.completions):
        assert tokens[i] == list(zip(done.tokens, done.logprobs, strict=True))
        assert (text[i], ends[i]) == (done.text, done.finish)


def test_memory_is_planned():
    model = tiny()
    generator = Generator(model, slots=4, kv_tokens=600, prefill_tokens=64)
    counts = []
    for _ in range(2):  # in the first round operators still get to know the sizes
        requests = [generator.submit(np.arange(100) % 61, 50, n=2, seed=i) for i in range(6)]
        finished(generator, requests)
        counts.append(_core.allocation_count())
    assert counts[0] == counts[1]
    one = generator._cache.bytes // generator._cache.blocks
    assert Generator(model, memory=one * 5 + 1)._cache.blocks == 5
    assert Generator(model, memory=one * 5, draft=model)._cache.blocks == 2  # a cache for each
    with pytest.raises(ValueError, match="memory 100 must be at least a block's"):
        Generator(model, memory=100)
    with pytest.raises(MemoryError, match="cache of .* tokens, .* bytes"):
        Generator(model, kv_tokens=1 << 45)


def test_the_samplers_of_one_step_differ():
    model = tiny()
    generator = Generator(model, slots=len(SAMPLERS))
    requests = [generator.submit([7], 20, sampler=s, seed=1) for s in SAMPLERS]
    for sampler, result in zip(SAMPLERS, finished(generator, requests), strict=True):
        same(result, alone(model, [7], max_new_tokens=20, sampler=sampler, seed=1))
    with pytest.raises(ValueError, match="temperature 1e-09 must be 0, or 1e-6 or more"):
        Sampler(temperature=1e-9)


def test_each_request_is_told_as_many_likely_tokens_as_it_asks_for(rng):
    model, prompt = tiny(), rng.integers(TINY.vocab_size, size=9, dtype=np.int32)
    generator = Generator(model, slots=3)
    requests = [generator.submit(prompt, 12, top_logprobs=n, seed=2) for n in (0, 3, 5)]
    events = [event for event in generator.run() if event.request is requests[1]]
    for n, request in zip((0, 3, 5), requests, strict=True):
        [text] = request.completions
        assert text.top_ids.shape == text.top_logprobs.shape == (12, n)
        whole = np.concatenate([prompt, text.tokens]).astype(np.int32)[:-1]
        z = model.logits(whole, last_only=False)[len(prompt) - 1 :]
        likely = np.argsort(-z, axis=-1, kind="stable")[:, :n]
        assert text.top_ids.tolist() == likely.tolist()
    [text] = requests[1].completions
    assert np.array_equal([event.top_ids for event in events], text.top_ids)
    assert np.array_equal([event.top_logprobs for event in events], text.top_logprobs)
