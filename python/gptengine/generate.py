"""Continue texts with a model: all at once, or one piece by piece.

    for piece in stream(model, tokenizer, "Once upon a time", max_new_tokens=100, seed=1):
        print(piece, end="", flush=True)
    model.generate(prompts, sampler=Sampler(top_p=0.9), constraint=Regex("yes|no").compile(tok))

A sample's draws are keyed by (seed, sample, position): the same seed gives the same text whatever
else is generated beside it, on any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gptengine.generator import Generator
from gptengine.kv_blocks import BLOCK, blocks_for
from gptengine.model import Model
from gptengine.requests import Completion, Event
from gptengine.sampler import Sampler, sampler_of

MOST_SLOTS = 64  # more texts at once bring little more tokens a second, and each needs memory
READ_AT_ONCE = 1024  # tokens of prompts: longer passes are no faster


def generate(
    model: Model,
    prompts: Sequence,
    max_new_tokens: int = 128,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    stop: Sequence[int] = (),
    seed: int = 0,
    n: int = 1,
    *,
    sampler: Sampler | None = None,
    constraint=None,
    top_logprobs: int = 0,
    kv_dtype: str | None = None,
    draft: Model | str | None = None,
    draft_tokens: int = 4,
) -> list[Completion]:
    """n continuations of each prompt, prompt by prompt.

    prompts: one array of token ids, or several. stop: ids that end a continuation, such as those of
    end_ids(model, tokenizer). sampler: instead of temperature to min_p. constraint: a compiled one,
    see constraint.py. top_logprobs: how many of the model's most likely tokens to tell at each
    place. kv_dtype: what the cache keeps, see Generator. draft, draft_tokens: who guesses, see
    speculative.py. A text ends in any case when the context is full.
    """
    if len(prompts) and np.ndim(prompts[0]) == 0:
        prompts = [prompts]
    if not len(prompts):
        raise ValueError("generate: there must be at least one prompt")
    if n < 1:
        raise ValueError(f"generate: n {n} must be at least 1")
    sampler = sampler_of(sampler, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    longest = max(len(prompt) for prompt in prompts)
    blocks = blocks_for(_tokens(model, longest, max_new_tokens))
    slots = min(len(prompts) * n, MOST_SLOTS)
    generator = Generator(
        model,
        slots=slots,
        kv_tokens=slots * blocks * BLOCK,
        prefill_tokens=max(1, min(READ_AT_ONCE, sum(map(len, prompts)))),
        queue=len(prompts) * n,
        kv_dtype=kv_dtype,
        draft=draft,
        draft_tokens=draft_tokens,
    )
    requests = [
        generator.submit(
            prompt,
            _fitting(model, len(prompt), max_new_tokens),
            sampler=sampler,
            constraint=constraint,
            stop_ids=stop,
            top_logprobs=top_logprobs,
            seed=seed,
            first_sample=i * n,
            n=n,
        )
        for i, prompt in enumerate(prompts)
    ]
    for _ in generator.run():
        pass
    return [completion for request in requests for completion in request.completions]


def stream(
    model: Model,
    tokenizer,
    text: str,
    max_new_tokens: int = 128,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    seed: int = 0,
    *,
    sampler: Sampler | None = None,
    constraint=None,
    stop: Sequence[str] = (),
    specials="text",
    told: Callable[[Event], None] | None = None,
    top_logprobs: int = 0,
    kv_dtype: str | None = None,
    draft: Model | str | None = None,
    draft_tokens: int = 4,
) -> Iterator[str]:
    """Yield the continuation of text piece by piece, whole characters only, until a token ends it.

    sampler: instead of temperature to min_p. constraint: a JsonSchema or a Regex. stop: strings
    that end it too, and are not shown. specials: what the name of a control token in the text
    means, as for Tokenizer.encode. told: is called with the Event of each token, with as many
    of the model's most likely ones as top_logprobs says. kv_dtype: what the cache keeps, see
    Generator. draft, draft_tokens: who guesses, see speculative.py. The generator's return value
    says what ended it: "stop", "length" (max_new_tokens) or "context".
    """
    sampler = sampler_of(sampler, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    prompt = prompt_ids(tokenizer, text, specials=specials)
    generator = Generator(
        model,
        tokenizer,
        slots=1,
        kv_tokens=_tokens(model, len(prompt), max_new_tokens),
        prefill_tokens=min(READ_AT_ONCE, len(prompt)),
        queue=1,
        kv_dtype=kv_dtype,
        draft=draft,
        draft_tokens=draft_tokens,
    )
    generator.submit(
        prompt,
        _fitting(model, len(prompt), max_new_tokens),
        sampler=sampler,
        constraint=constraint and constraint.compile(tokenizer),
        stop_ids=end_ids(model, tokenizer),
        stop=stop,
        top_logprobs=top_logprobs,
        seed=seed,
    )

    def pieces():
        for event in generator.run():
            if told is not None:
                told(event)
            if event.text:
                yield event.text
        return event.finish

    return pieces()  # not a generator itself: what is wrong with the arguments is said at once


def end_ids(model: Model, tokenizer) -> list[int]:
    """The ids that end a text: the tokenizer's, and all that the model's files name beside it.

    A model that was taught to talk ends its turns with others than its texts.
    """
    return sorted(
        {*model.end_ids} if tokenizer.eos_id is None else {tokenizer.eos_id, *model.end_ids}
    )


def prompt_ids(tokenizer, text: str, *, specials="text") -> np.ndarray:
    """The ids of a text to go on with, behind those that the tokenizer puts before every text.

    Where these are none at all, the token that begins a text, or else the one that ends the last.
    specials: as for Tokenizer.encode; a text that begins with what is put before it has it once.
    """
    before, _ = tokenizer.template  # what is put after a text would end it
    ids = tokenizer.encode(text, specials=specials)
    if tuple(ids[: len(before)]) != tuple(before):
        ids = np.array([*before, *ids], np.uint32)
    if len(ids):
        return ids
    first = tokenizer.eos_id if tokenizer.bos_id is None else tokenizer.bos_id
    if first is None:
        raise ValueError("generate: the prompt is empty and the tokenizer has no end-of-text token")
    return np.array([first], np.uint32)


def _fitting(model, length, max_new_tokens):
    """max_new_tokens, or None where the context ends first."""
    fits = length + max_new_tokens <= model.config.context_length + 1  # the last one is not read
    return max_new_tokens if fits else None


def _tokens(model, length, max_new_tokens):
    """How many tokens a cache must hold for a text."""
    return max(1, min(model.config.context_length, length + max_new_tokens - 1))
