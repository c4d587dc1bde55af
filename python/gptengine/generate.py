"""Continue texts with a model: all at once, or one piece by piece.

    for piece in stream(model, tokenizer, "Once upon a time", max_new_tokens=100, seed=1):
        print(piece, end="", flush=True)

A sample's draws are keyed by (seed, sample, position): the same seed gives the same text whatever
else is generated beside it, on any number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gptengine.generator import Generator
from gptengine.kv_blocks import BLOCK, blocks_for
from gptengine.model import Model
from gptengine.requests import Completion
from gptengine.sampler import Sampler

MOST_SLOTS = 64  # more texts at once bring little more tokens a second, and each needs memory


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
    draft: Model | str | None = None,
    draft_tokens: int = 4,
) -> list[Completion]:
    """n continuations of each prompt, prompt by prompt.

    prompts: one array of token ids, or several. stop: ids that end a continuation. A text ends in
    any case when the context is full. draft, draft_tokens: who guesses, see speculative.py.
    """
    if len(prompts) and np.ndim(prompts[0]) == 0:
        prompts = [prompts]
    if not len(prompts):
        raise ValueError("generate: there must be at least one prompt")
    if n < 1:
        raise ValueError(f"generate: n {n} must be at least 1")
    longest = max(len(prompt) for prompt in prompts)
    blocks = blocks_for(_tokens(model, longest, max_new_tokens))
    slots = min(len(prompts) * n, MOST_SLOTS)
    generator = Generator(
        model,
        slots=slots,
        kv_tokens=slots * blocks * BLOCK,
        queue=len(prompts) * n,
        draft=draft,
        draft_tokens=draft_tokens,
    )
    requests = [
        generator.submit(
            prompt,
            _fitting(model, len(prompt), max_new_tokens),
            sampler=Sampler(temperature, top_k, top_p, min_p),
            stop_ids=stop,
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
    stop: Sequence[str] = (),
    draft: Model | str | None = None,
    draft_tokens: int = 4,
) -> Iterator[str]:
    """Yield the continuation of text piece by piece, whole characters only, until end-of-text.

    stop: strings that end it too, and are not shown. draft, draft_tokens: who guesses, see
    speculative.py. The generator's return value says what ended it: "stop", "length"
    (max_new_tokens) or "context".
    """
    prompt = prompt_ids(tokenizer, text)
    tokens = _tokens(model, len(prompt), max_new_tokens)
    generator = Generator(
        model,
        tokenizer,
        slots=1,
        kv_tokens=tokens,
        queue=1,
        draft=draft,
        draft_tokens=draft_tokens,
    )
    generator.submit(
        prompt,
        _fitting(model, len(prompt), max_new_tokens),
        sampler=Sampler(temperature, top_k, top_p, min_p),
        stop_ids=() if tokenizer.eos_id is None else (tokenizer.eos_id,),
        stop=stop,
        seed=seed,
    )

    def pieces():
        for event in generator.run():
            if event.text:
                yield event.text
        return event.finish

    return pieces()  # not a generator itself: what is wrong with the arguments is said at once


def prompt_ids(tokenizer, text: str) -> np.ndarray:
    """The ids of a text; an empty one starts a new document with the end-of-text token."""
    ids = tokenizer.encode(text, specials="text")
    if len(ids):
        return ids
    if tokenizer.eos_id is None:
        raise ValueError("generate: the prompt is empty and the tokenizer has no end-of-text token")
    return np.array([tokenizer.eos_id], np.uint32)


def _fitting(model, length, max_new_tokens):
    """max_new_tokens, or None where the context ends first."""
    fits = length + max_new_tokens <= model.config.context_length + 1  # the last one is not read
    return max_new_tokens if fits else None


def _tokens(model, length, max_new_tokens):
    """How many tokens a cache must hold for a text."""
    return max(1, min(model.config.context_length, length + max_new_tokens - 1))
