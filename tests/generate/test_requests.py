"""What cannot be done is refused by name before a step; cancelling and the queue's bound."""

import threading

import numpy as np
import pytest

from generate.setting import alone, assert_nothing_left, finished, same, tiny
from gptengine import Config, Model, Tokenizer
from gptengine.constraint import Regex
from gptengine.generator import Generator
from gptengine.kv_blocks import BLOCK
from gptengine.requests import QueueFull
from gptengine.sampler import Sampler

A = Regex("a").compile(Tokenizer.bytes())


@pytest.fixture(scope="module")
def model():
    return tiny()


@pytest.mark.parametrize(
    "prompt, options, says",
    [
        ([], dict(), "every prompt needs at least one token"),
        ([1.5], dict(), "dtype float64 must be an integer type"),
        ("Once", dict(), "tokens: 'Once' is text: encode it first"),
        ([1, 61], dict(), "token 61 of the prompt must be from 0 to 60"),
        ([-1], dict(), "token -1 of the prompt must be from 0 to 60"),
        ([1] * 201, dict(), "prompt of 201 tokens is longer than the model's context of 200"),
        ([1] * 129, dict(), "prompt of 129 tokens exceeds a cache of 128"),
        ([1] * 28, dict(max_new_tokens=102), "28 and max_new_tokens 102 exceed the 128 tokens of"),
        ([1], dict(max_new_tokens=0), "max_new_tokens 0 must be at least 1"),
        ([1], dict(max_new_tokens=True), "max_new_tokens True must be a whole number"),
        ([1], dict(n=0), "n 0 must be at least 1"),
        ([1], dict(seed=-1), "seed -1 must be"),
        ([1], dict(priority="high"), "priority 'high' must be a whole number"),
        ([1], dict(top_logprobs=62), "top_logprobs 62 must be from 0 to the vocabulary's 61"),
        ([1], dict(top_logprobs=-1), "top_logprobs -1 must be at least 0"),
        ([1], dict(sampler=Sampler(logit_bias={61: 1})), "logit_bias id 61 must be below 61"),
        ([1], dict(sampler=Sampler(forbidden=[70])), "forbidden id 70 must be below 61"),
        ([1], dict(sampler=Sampler(allowed=[1, 61])), "allowed id 61 must be below 61"),
        ([1], dict(sampler=Sampler(forced={0: 99})), "forced id 99 must be below 61"),
        ([1], dict(constraint=Regex("a")), r"Regex\('a'\) is not compiled: .compile\(tokenizer\)"),
        (
            [1],
            dict(constraint=A),
            "constraint is of a tokenizer of 257 tokens, the logits are of 61",
        ),
        ([1], dict(stop="x"), "stop strings need a generator with a tokenizer"),
        ([1], dict(stop=["x", ""]), "a stop string must not be empty"),
    ],
)
def test_wrong_requests_are_named(model, prompt, options, says):
    generator = Generator(model, slots=2, kv_tokens=2 * BLOCK)
    with pytest.raises(ValueError, match=says):
        generator.submit(prompt, **options)
    assert_nothing_left(generator)


@pytest.mark.parametrize(
    "options, says",
    [
        (dict(slots=0), "slots 0 must be at least 1"),
        (dict(prefill_tokens=0), "prefill_tokens 0 must be at least 1"),
        (dict(queue=0), "queue 0 must be at least 1"),
        (dict(kv_tokens=0), "kv_tokens 0 must be at least 1"),
        (dict(kv_tokens=100, memory=100), "kv_tokens 100 or memory 100, not both"),
        (dict(tokenizer=Tokenizer.bytes()), "257 tokens, the model's vocabulary only 61"),
    ],
)
def test_wrong_generators_are_named(model, options, says):
    with pytest.raises(ValueError, match=says):
        Generator(model, **options)


def test_a_model_that_cannot_write():
    c = Config(vocab_size=61, context_length=20, layers=1, heads=2, model_dim=16, causal=False)
    with pytest.raises(ValueError, match="causal False must be lm and True"):
        Generator(Model(c))


def test_the_queue_is_bounded(model):
    generator = Generator(model, slots=1, queue=3)
    first = generator.submit([1], 5, n=3)
    with pytest.raises(QueueFull, match="3 samples wait, 1 more exceed the queue of 3"):
        generator.submit([1])
    generator.step()
    second = generator.submit([2], 5)
    with pytest.raises(QueueFull):
        generator.submit([3])
    assert all(len(texts[0].tokens) == 5 for texts in finished(generator, [first, second]))


def test_cancel_in_every_state(model):
    generator = Generator(model, slots=2, prefill_tokens=20)
    writing = generator.submit([1], 100)
    generator.step()
    reading = generator.submit([2] * 150, 10)
    generator.step()
    waiting = generator.submit([3], 10)
    done = generator.submit([4], 1, priority=-1)
    before = generator._blocks.available
    for request in writing, reading, waiting:
        generator.cancel(request)
        generator.cancel(request)  # again: nothing happens
    assert generator._blocks.available > before
    [[text]] = finished(generator, [done])
    generator.cancel(done)
    assert text.finish == done.completions[0].finish == "length"
    assert [r.completions[0].finish for r in (writing, reading, waiting)] == ["cancelled"] * 3
    assert len(writing.completions[0].tokens) == 2 and not len(reading.completions[0].tokens)
    same([text], alone(model, [4], max_new_tokens=1))


def test_completions_of_what_is_not_done(model):
    request = Generator(model, slots=1).submit([1], 5, n=2)
    with pytest.raises(ValueError, match="2 of 2 samples are not done"):
        request.completions  # noqa: B018


def test_other_threads_submit_and_cancel(model):
    """A server's threads: one steps, others come and go."""
    generator, requests, stop = Generator(model, slots=4, kv_tokens=512), [], threading.Event()

    def step():
        while not stop.is_set() or not generator.idle:
            if generator.wait(0.01):
                generator.step()

    def ask(number):
        rng = np.random.default_rng(number)
        for i in range(15):
            seed = 100 * number + i
            request = generator.submit([number, i], int(rng.integers(1, 90)), seed=seed)
            requests.append(request)
            if i % 3 == 0:
                generator.cancel(request)
                assert request.done or request.samples[0] in generator._busy

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(3)]
    stepper = threading.Thread(target=step)
    for thread in (stepper, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    stepper.join()
    assert_nothing_left(generator)
    for request in requests:
        [text] = request.completions
        if text.finish != "cancelled":
            most = request.max_new_tokens
            same([text], alone(model, request.prompt, max_new_tokens=most, seed=request.seed))


def test_a_failed_step_changes_nothing(model):
    """Weights that are not numbers: the error comes again until they are, then all goes on."""
    model = tiny()
    good = {name: w.copy() for name, w in model.parameters().items()}
    generator = Generator(model, slots=2)
    model.parameters()["norm.weight"][:] = np.nan
    request = generator.submit([1, 2], 5)
    for _ in range(2):
        with pytest.raises(ValueError, match="must be finite"):
            generator.step()
    other = generator.submit([1], 5)
    generator.cancel(other)
    model.parameters()["norm.weight"][:] = good["norm.weight"]
    [[text]] = finished(generator, [request])
    same([text], alone(model, [1, 2], max_new_tokens=5))


class Fails:
    """A function of the logits that raises at its n-th call, and from then on."""

    def __init__(self, calls, error):
        self.left, self.error = calls, error

    def __call__(self, z):
        self.left -= 1
        if self.left < 0:
            raise self.error


@pytest.mark.parametrize("draft", [None, "ngram", "model"])
@pytest.mark.parametrize("error", [ZeroDivisionError("by none"), ValueError("no"), KeyError("k")])
@pytest.mark.parametrize("calls", [0, 5])
def test_a_function_of_the_logits_that_raises_ends_its_request(model, draft, error, calls):
    """It says so once; the others write on as if it had not been there."""
    draft = tiny(seed=1) if draft == "model" else draft
    generator = Generator(model, slots=3, draft=draft)
    prompt = [1, 2, 3] * 5
    others = [generator.submit(prompt, 30, seed=i) for i in range(2)]
    wrong = generator.submit(prompt, 30, sampler=Sampler(logits=Fails(calls, error)), n=2)
    raised, events = [], []
    while not generator.idle:
        try:
            events += generator.step()
        except (ArithmeticError, LookupError, ValueError) as it:
            raised.append(it)
    assert_nothing_left(generator)
    assert len(raised) == 1 and str(raised[0]) == str(wrong.error) == str(error)
    assert {text.finish for text in wrong.completions} == {"error"}
    want = Generator(model, slots=1, draft=draft)
    for i, texts in enumerate([request.completions for request in others]):
        same(texts, finished(want, [want.submit(prompt, 30, seed=i)])[0])
        told = [e.token for e in events if e.request is others[i]]
        assert told == texts[0].tokens.tolist() and others[i].error is None


def test_an_interrupt_ends_no_request(model):
    generator, function = Generator(model, slots=1), Fails(2, KeyboardInterrupt())
    request = generator.submit([1], 5, sampler=Sampler(logits=function))
    with pytest.raises(KeyboardInterrupt):
        list(generator.run())
    function.left = 100
    [[text]] = finished(generator, [request])
    same([text], alone(model, [1], max_new_tokens=5))


def test_new_weights_end_what_was_kept(model):
    model = tiny()
    generator = Generator(model, slots=2)
    finished(generator, [generator.submit([1] * 100, 5)])
    model.set_parameters(tiny(seed=1).parameters())
    [[text]] = finished(generator, [generator.submit([1] * 100, 5)])
    same([text], alone(tiny(seed=1), [1] * 100, max_new_tokens=5))
    assert generator.stats.reused == 0
    running = generator.submit([1], 50)
    generator.step()
    model.weights_changed()
    with pytest.raises(ValueError, match="weights changed while 1 texts were being written"):
        generator.step()
    generator.cancel(running)
    assert generator.step() == []
