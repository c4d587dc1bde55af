"""Continue texts with a model: cached decoding, sampling, streaming.

    for piece in stream(model, tokenizer, "Once upon a time", max_new_tokens=100, seed=1):
        print(piece, end="", flush=True)

A sample's draws are keyed by (seed, sample, position): the same seed gives the same text whatever
else is generated beside it, on any number of threads.
"""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Iterator, Sequence

import numpy as np

from gptengine import _core
from gptengine.config import check_seed
from gptengine.model import Model, int_vector


@dataclasses.dataclass(frozen=True)
class Completion:
    """What a model wrote after one prompt."""

    tokens: np.ndarray  # (T,) uint32, without the prompt and without the stop token
    logprobs: np.ndarray  # (T,) float32: log p of each token under the model, before any sampler
    finish: str  # "stop": a stop token came; "length": max_new_tokens or the context is full


@dataclasses.dataclass(frozen=True)
class Sampler:
    """How the next token is drawn. temperature 0 takes the most likely one."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    def __post_init__(self):
        if not (0 <= self.temperature < float("inf")):
            raise ValueError(f"temperature {self.temperature} must be 0 or more")
        if not isinstance(self.top_k, numbers.Integral) or isinstance(self.top_k, bool):
            raise ValueError(f"top_k {self.top_k!r} must be a whole number")
        if self.top_k < 0:
            raise ValueError(f"top_k {self.top_k} must be 0 (off) or more")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p {self.top_p} must be above 0 and at most 1")
        if not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p {self.min_p} must be from 0 to 1")


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
) -> list[Completion]:
    """n continuations of each prompt, prompt by prompt.

    prompts: one array of token ids, or several. stop: ids that end a continuation.
    """
    if len(prompts) and np.ndim(prompts[0]) == 0:
        prompts = [prompts]
    if n < 1:
        raise ValueError(f"generate: n {n} must be at least 1")
    prompts = [prompt for prompt in prompts for _ in range(n)]
    tokens, logprobs = [[] for _ in prompts], [[] for _ in prompts]
    finish = ["length"] * len(prompts)
    sampler = Sampler(temperature, top_k, top_p, min_p)
    for sample, token, logprob in decode(model, prompts, max_new_tokens, sampler, stop, seed):
        if token in stop:
            finish[sample] = "stop"
        else:
            tokens[sample].append(token)
            logprobs[sample].append(logprob)
    return [
        Completion(np.array(t, np.uint32), np.array(p, np.float32), f)
        for t, p, f in zip(tokens, logprobs, finish, strict=True)
    ]


def decode(
    model: Model,
    prompts: Sequence[np.ndarray],
    max_new_tokens: int,
    sampler: Sampler,
    stop: Sequence[int] = (),
    seed: int = 0,
    vocab_size: int | None = None,
) -> Iterator[tuple[int, int, float]]:
    """Yield (sample, token, logprob) as tokens are drawn, all samples in step.

    A stop token is yielded too and ends its sample. The prompts are read in one pass; after that a
    step computes only the new tokens, from cached keys and values. vocab_size: how many ids may be
    drawn, of a model whose vocabulary is padded beyond its tokenizer's.
    """
    check_seed("generate", seed)
    context = model.config.context_length
    lengths = np.array([len(prompt) for prompt in prompts], np.int32)
    _check(model, prompts, lengths, max_new_tokens)
    room = min(context, int(lengths.max()) + int(max_new_tokens) - 1)
    blocks = -(-room // _core.CACHE_BLOCK)  # of each sample
    cache = _core.KVCache(model.engine_config, model.dtype, len(prompts) * blocks)
    tables = np.arange(len(prompts) * blocks, dtype=np.int32).reshape(-1, blocks)
    active = np.arange(len(prompts), dtype=np.int32)  # samples that still write
    starts = np.zeros(len(prompts), np.int32)  # tokens in the cache
    new = [int_vector(prompt) for prompt in prompts]
    while len(active):
        segments = np.cumsum([0, *map(len, new)], dtype=np.int32)
        logits = np.empty((len(active), model.config.vocab_size), np.float32)
        rows = segments[1:] - 1
        model.engine.decode(
            logits, cache, np.concatenate(new), segments, tables[active], starts[active], rows
        )
        starts[active] += np.diff(segments)
        ids, logprobs = _core.sample(
            np.ascontiguousarray(logits[:, :vocab_size]),
            active,
            starts[active],
            seed=seed,
            temperature=sampler.temperature,
            top_k=min(int(sampler.top_k), logits.shape[1]),  # any size may be asked for
            top_p=sampler.top_p,
            min_p=sampler.min_p,
        )
        for sample, token, logprob in zip(active, ids, logprobs, strict=True):
            yield int(sample), int(token), float(logprob)
        written = starts[active] + 1
        going = ~np.isin(ids, list(stop)) & (written <= context)
        going &= written - lengths[active] < max_new_tokens
        active = np.ascontiguousarray(active[going])
        new = [np.array([token], np.int32) for token in ids[going]]


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
) -> Iterator[str]:
    """Yield the continuation of text piece by piece, whole characters only, until end-of-text.

    The generator's return value says what ended it: "stop", "length" (max_new_tokens) or "context".
    """
    known, drawn = tokenizer.vocab_size, model.config.vocab_size
    if known > drawn:
        raise ValueError(
            f"generate: the tokenizer has {known} tokens, the model's vocabulary only {drawn}"
        )
    prompt = prompt_ids(tokenizer, text)
    decoder = tokenizer.stream_decoder()
    sampler = Sampler(temperature, top_k, top_p, min_p)
    stop = () if tokenizer.eos_id is None else (tokenizer.eos_id,)
    tokens = decode(model, [prompt], max_new_tokens, sampler, stop, seed, known)

    def pieces():
        written, finish = 0, None
        for _, token, _ in tokens:
            if token in stop:
                finish = "stop"
                break
            written += 1
            if piece := decoder.push(token):
                yield piece
        if piece := decoder.flush():
            yield piece
        return finish or ("length" if written == max_new_tokens else "context")

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
