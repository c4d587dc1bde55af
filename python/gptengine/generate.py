"""Continue texts with a model: cached decoding, sampling, streaming.

    for piece in stream(model, tokenizer, "Once upon a time", max_new_tokens=100, seed=1):
        print(piece, end="", flush=True)
    model.generate(prompts, sampler=Sampler(top_p=0.9), constraint=Regex("yes|no").compile(tok))

A sample's draws are keyed by (seed, sample, position): the same seed gives the same text whatever
else is generated beside it, on any number of threads.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from gptengine import _core
from gptengine.config import check_seed
from gptengine.draw import Row, draw
from gptengine.model import Model, int_vector
from gptengine.sampler import Sampler, sampler_of


@dataclasses.dataclass(frozen=True)
class Completion:
    """What a model wrote after one prompt."""

    tokens: np.ndarray  # (T,) uint32, without the prompt and without the stop token
    logprobs: np.ndarray  # (T,) float32: log p of each token under the model, before any sampler
    finish: str  # "stop": a stop token, or a complete constraint; "length": no more was allowed
    top_ids: np.ndarray  # (T, n) uint32: the model's n most likely tokens at each place
    top_logprobs: np.ndarray  # (T, n) float32


class Step(NamedTuple):
    """A token that one sample drew."""

    sample: int
    token: int
    logprob: float
    finish: str  # of the sample; "" while it goes on; "stop": the token is no part of the text;
    # "done": the constraint is complete with it; "length": max_new_tokens; "context": that is full
    top_ids: np.ndarray  # (n,) int32
    top_logprobs: np.ndarray  # (n,) float32


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
) -> list[Completion]:
    """n continuations of each prompt, prompt by prompt.

    prompts: one array of token ids, or several. stop: ids that end a continuation. sampler: instead
    of temperature to min_p. constraint: a compiled one, see constraint.py. top_logprobs: how many
    of the model's most likely tokens to tell at each place.
    """
    if len(prompts) and np.ndim(prompts[0]) == 0:
        prompts = [prompts]
    if n < 1:
        raise ValueError(f"generate: n {n} must be at least 1")
    prompts = [prompt for prompt in prompts for _ in range(n)]
    sampler = sampler_of(sampler, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    texts, finish = [[] for _ in prompts], [""] * len(prompts)
    for step in decode(
        model,
        prompts,
        max_new_tokens,
        sampler,
        stop,
        seed,
        constraint=constraint,
        top_logprobs=top_logprobs,
    ):
        finish[step.sample] = step.finish
        if step.finish != "stop":
            texts[step.sample].append(step)
    return [
        Completion(
            np.array([step.token for step in text], np.uint32),
            np.array([step.logprob for step in text], np.float32),
            {"done": "stop", "context": "length"}.get(why, why),
            np.array([step.top_ids for step in text], np.uint32).reshape(len(text), top_logprobs),
            np.array([step.top_logprobs for step in text], np.float32).reshape(
                len(text), top_logprobs
            ),
        )
        for text, why in zip(texts, finish, strict=True)
    ]


def decode(
    model: Model,
    prompts: Sequence[np.ndarray],
    max_new_tokens: int,
    sampler: Sampler,
    stop: Sequence[int] = (),
    seed: int = 0,
    vocab_size: int | None = None,
    constraint=None,
    top_logprobs: int = 0,
) -> Iterator[Step]:
    """Yield a Step for each token as it is drawn, all samples in step.

    The prompts are read in one pass; after that a step computes only the new tokens, from cached
    keys and values. vocab_size: how many ids may be drawn, of a model whose vocabulary is padded
    beyond its tokenizer's.
    """
    check_seed("generate", seed)
    context = model.config.context_length
    lengths = np.array([len(prompt) for prompt in prompts], np.int32)
    _check(model, prompts, lengths, max_new_tokens)
    _check_draws(model, constraint, top_logprobs)
    stop = {*stop} if constraint is None else {*stop, constraint.eos_id}
    room = min(context, int(lengths.max()) + int(max_new_tokens) - 1)
    blocks = -(-room // _core.CACHE_BLOCK)  # of each sample
    cache = _core.KVCache(model.engine_config, model.dtype, len(prompts) * blocks)
    tables = np.arange(len(prompts) * blocks, dtype=np.int32).reshape(-1, blocks)
    rows = [
        Row(sampler, prompt, sample=i, seed=seed, constraint=constraint)
        for i, prompt in enumerate(prompts)
    ]  # those that still write
    new = [int_vector(prompt) for prompt in prompts]
    while rows:
        segments = np.cumsum([0, *map(len, new)], dtype=np.int32)
        logits = np.empty((len(rows), model.config.vocab_size), np.float32)
        of_rows = tables[[row.sample for row in rows]]
        starts = np.array([row.position if row.written else 0 for row in rows], np.int32)
        starts -= starts > 0  # the last token drawn is not yet in the cache
        model.engine.decode(
            logits, cache, np.concatenate(new), segments, of_rows, starts, segments[1:] - 1
        )
        drawn = draw(np.ascontiguousarray(logits[:, :vocab_size]), rows, top_logprobs)
        steps = []
        for row, token, *told in zip(rows, drawn.ids.tolist(), *drawn[1:], strict=True):
            finish = ""
            if token in stop:
                finish = "stop"
            elif row.is_done:
                finish = "done"
            elif row.written >= max_new_tokens:
                finish = "length"
            elif row.position > context:
                finish = "context"
            steps.append(Step(row.sample, token, float(told[0]), finish, *told[1:]))
        yield from steps
        going = [b for b, step in enumerate(steps) if not step.finish]
        rows = [rows[b] for b in going]
        new = [drawn.ids[b : b + 1] for b in going]


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
    told: Callable[[Step], None] | None = None,
    top_logprobs: int = 0,
) -> Iterator[str]:
    """Yield the continuation of text piece by piece, whole characters only, until end-of-text.

    sampler: instead of temperature to min_p. constraint: a JsonSchema or a Regex. told: is called
    with the Step of each token, with as many of the model's most likely ones as top_logprobs says.
    The generator's return value says what ended it: "stop", "done" (the constraint is complete),
    "length" (max_new_tokens) or "context".
    """
    known, drawn = tokenizer.vocab_size, model.config.vocab_size
    if known > drawn:
        raise ValueError(
            f"generate: the tokenizer has {known} tokens, the model's vocabulary only {drawn}"
        )
    prompt = prompt_ids(tokenizer, text)
    decoder = tokenizer.stream_decoder()
    sampler = sampler_of(sampler, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    stop = () if tokenizer.eos_id is None else (tokenizer.eos_id,)
    if constraint is not None:
        constraint = constraint.compile(tokenizer)
    tokens = decode(
        model, [prompt], max_new_tokens, sampler, stop, seed, known, constraint, top_logprobs
    )

    def pieces():
        for step in tokens:
            if told is not None:
                told(step)
            if step.finish != "stop" and (piece := decoder.push(step.token)):
                yield piece
        if piece := decoder.flush():
            yield piece
        return step.finish

    return pieces()  # not a generator itself: what is wrong with the arguments is said at once


def prompt_ids(tokenizer, text: str) -> np.ndarray:
    """The ids of a text; an empty one starts a new document with the end-of-text token."""
    ids = tokenizer.encode(text, specials="text")
    if len(ids):
        return ids
    if tokenizer.eos_id is None:
        raise ValueError("generate: the prompt is empty and the tokenizer has no end-of-text token")
    return np.array([tokenizer.eos_id], np.uint32)


def _check(model, prompts, lengths, max_new_tokens):
    if not len(prompts) or lengths.min() == 0:
        raise ValueError("generate: every prompt needs at least one token")
    if max_new_tokens < 1:
        raise ValueError(f"generate: max_new_tokens {max_new_tokens} must be at least 1")
    if lengths.max() > model.config.context_length:
        raise ValueError(
            f"generate: a prompt of {lengths.max()} tokens is longer than the model's context of "
            f"{model.config.context_length}"
        )


def _check_draws(model, constraint, top_logprobs):
    if constraint is not None and not hasattr(constraint, "matcher"):
        raise ValueError(f"generate: constraint {constraint} is not compiled: .compile(tokenizer)")
    if not 0 <= top_logprobs <= model.config.vocab_size:
        raise ValueError(
            f"generate: top_logprobs {top_logprobs} must be from 0 to the vocabulary's "
            f"{model.config.vocab_size}"
        )
