"""Beam search: the most likely continuations that a search of a given width finds.

    best, *others = beam_search(model, prompt, beams=4, max_new_tokens=50, stop=[tok.eos_id])

Each beam has blocks of the key-value cache, a row of a table. Where a beam goes on in several ways,
the first keeps its row and the others get copies in the rows of beams that were given up.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Sequence

import numpy as np

from gptengine import _core
from gptengine.batch import int_vector
from gptengine.kv_blocks import blocks_for, new_cache
from gptengine.model import Model


@dataclasses.dataclass(frozen=True)
class Beam:
    """One continuation that was found."""

    tokens: np.ndarray  # (T,) uint32, without the prompt and without the stop token
    logprob: float  # log p of the tokens, and of the stop token if that came
    score: float  # logprob / length ** length_penalty; the length counts what logprob does
    finish: str  # "stop": a stop token came; "length": max_new_tokens or the context is full


@dataclasses.dataclass(frozen=True)
class _Live:
    """A beam that goes on."""

    tokens: tuple[int, ...]
    logprob: float
    row: int  # of the table of blocks


def beam_search(
    model: Model,
    prompt: Sequence[int],
    beams: int = 4,
    max_new_tokens: int = 128,
    length_penalty: float = 1.0,
    stop: Sequence[int] = (),
    vocab_size: int | None = None,
    *,
    kv_dtype: str | None = None,
) -> list[Beam]:
    """At most `beams` continuations of a prompt of token ids, the best score first.

    A step keeps the `beams` most likely ways to go on of all beams together; ways that end and are
    more likely than the last of these are finished. It ends where no beam can reach the score of
    the last finished one. length_penalty: 0 compares log p itself, which favours short texts; 1 a
    token's average. vocab_size: how many ids there are, of a model padded beyond its tokenizer.
    kv_dtype: what the cache keeps, see Generator.
    """
    prompt = int_vector(prompt)
    steps = _steps(model, len(prompt), beams, max_new_tokens, length_penalty)
    blocks = blocks_for(len(prompt) + steps - 1)
    cache = new_cache(model, kv_dtype, beams * blocks)
    tables = np.arange(beams * blocks, dtype=np.int32).reshape(beams, blocks)
    score = lambda logprob, length: logprob / length**length_penalty
    stop, live, finished = set(stop), [_Live((), 0.0, 0)], []
    new = prompt
    for length in range(1, steps + 1):
        logits = _logits(model, cache, tables, live, new, len(prompt) + length - 1)[:, :vocab_size]
        likely, finished_now = _ways(np.ascontiguousarray(logits), live, beams, stop)
        for tokens, logprob in finished_now:
            finished.append(_beam(tokens, logprob, score(logprob, length), "stop"))
        if length == steps:
            for parent, token, logprob in likely:
                tokens = (*parent.tokens, token)
                finished.append(_beam(tokens, logprob, score(logprob, length), "length"))
        finished = sorted(finished, key=lambda beam: -beam.score)[:beams]
        if not likely or length == steps:
            break
        # log p only falls, and its quotient by the length is largest at one of the two ends.
        best = max(logprob for _, _, logprob in likely)
        reachable = max(score(best, length + 1), score(best, steps))
        if len(finished) == beams and finished[-1].score >= reachable:
            break
        live = _go_on(cache, tables, likely, len(prompt) + length - 1)
        new = np.array([beam.tokens[-1] for beam in live], np.int32)
    return finished


def _logits(model, cache, tables, live, new, length):
    """Logits (len(live), V) after the new tokens, with which each beam has `length` tokens."""
    each = len(new) // len(live)
    logits = np.empty((len(live), model.config.vocab_size), np.float32)
    segments = np.arange(len(live) + 1, dtype=np.int32) * each
    of_live = tables[[beam.row for beam in live]]
    starts = np.full(len(live), length - each, np.int32)
    model.engine.decode(logits, cache, new, segments, of_live, starts, segments[1:] - 1)
    return logits


def _ways(logits, live, beams, stop):
    """The likeliest (beam, token, log p) to go on with, and (tokens, log p) of what ends."""
    numbers = np.zeros(len(live), np.int32)  # nothing is drawn
    most = min(logits.shape[1], beams + len(stop))
    *_, ids, logprobs = _core.sample(
        logits, numbers, numbers, [_core.Sampling(temperature=0)], top=most
    )
    ways = [
        (beam, token, beam.logprob + logprob)
        for beam, its_ids, its_logprobs in zip(live, ids.tolist(), logprobs.tolist(), strict=True)
        for token, logprob in zip(its_ids, its_logprobs, strict=True)
        if logprob > -math.inf
    ]
    likely, finished = [], []
    for beam, token, logprob in sorted(ways, key=lambda way: -way[2]):
        if len(likely) == beams:
            break
        if token in stop:
            finished.append((beam.tokens, logprob))
        else:
            likely.append((beam, token, logprob))
    return likely, finished


def _go_on(cache, tables, likely, length):
    """The beams of the next step, each with the `length` tokens before its last in its row."""
    kept = {beam.row for beam, _, _ in likely}
    free = [row for row in range(len(tables)) if row not in kept]
    used = blocks_for(length)
    live = []
    for beam, token, logprob in likely:
        row = beam.row
        if row in kept:
            kept.remove(row)
        else:
            row = free.pop()
            for source, target in zip(tables[beam.row, :used], tables[row, :used], strict=True):
                cache.copy(int(source), int(target))
        live.append(_Live((*beam.tokens, token), logprob, row))
    return live


def _beam(tokens, logprob, score, finish):
    return Beam(np.array(tokens, np.uint32), logprob, score, finish)


def _steps(model, length, beams, max_new_tokens, length_penalty):
    """How many tokens may be written."""
    for name, value in ("beams", beams), ("max_new_tokens", max_new_tokens):
        if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
            raise ValueError(f"beam_search: {name} {value!r} must be a whole number, 1 or more")
    if not math.isfinite(length_penalty):
        raise ValueError(f"beam_search: length_penalty {length_penalty} must be finite")
    context = model.config.context_length
    if not 1 <= length <= context:
        raise ValueError(
            f"beam_search: a prompt of {length} tokens must have from 1 to the context's {context}"
        )
    return min(int(max_new_tokens), context + 1 - length)
