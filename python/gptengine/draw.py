"""One decoding step's draws: rows of logits in, a token for each row out, by its own sampler.

    rows = [Row(sampler, prompt, sample=i, seed=0) for i, prompt in enumerate(prompts)]
    drawn = draw(logits, rows)  # (B, V) after the last token of each; once a step

A row's token is a function of its logits, its sampler, its own tokens and its (seed, sample,
position) alone: rows may come and go between steps and stand in any order.
"""

from __future__ import annotations

import array
import copy
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gptengine import _core
from gptengine.sampler import Sampler


class Drawn(NamedTuple):
    """What one step drew from B rows of logits."""

    ids: np.ndarray  # (B,) int32
    logprobs: np.ndarray  # (B,) float32: log p of each id under the model, before any sampler
    top_ids: np.ndarray  # (B, n) int32: the model's own most likely tokens, the likeliest first
    top_logprobs: np.ndarray  # (B, n) float32


class Row:
    """One sequence as its draws see it: its sampler, the key of its draws, its tokens so far.

    sample: its number among those that share a seed. constraint: a compiled one, see constraint.py.
    """

    def __init__(
        self, sampler: Sampler, prompt: Sequence[int], *, sample=0, seed=0, constraint=None
    ):
        self.sampler, self.sample, self.seed = sampler, sample, seed
        self.settings = sampler.settings(seed)
        self.prompt_length, self.written = len(prompt), 0
        self.history = array.array("i", map(int, prompt)) if sampler.penalizes else None
        self.forced = dict(sampler.forced)
        self.matcher = None if constraint is None else constraint.matcher()
        self.allowed = None  # the sampler's, as words of bits: made at the first step
        self.masks = bool(sampler.allowed or sampler.forced or constraint)
        self.error: BaseException | None = None  # what the sampler's function of the logits raised

    @property
    def position(self) -> int:
        """Of the next token: how many come before it. Keys the draw."""
        return self.prompt_length + self.written

    @property
    def is_done(self) -> bool:
        """Whether the constraint is complete, so that nothing can follow but the end."""
        return self.matcher is not None and self.matcher.is_done

    def add(self, token: int) -> None:
        """Go on by a token: what was drawn, or what was written without a draw."""
        self.written += 1
        if self.history is not None:
            self.history.append(token)
        if self.matcher is not None:
            self.matcher.advance(token)

    def copy(self) -> Row:
        """One that goes on by itself from here."""
        other = copy.copy(self)
        other.history = copy.copy(self.history)
        other.matcher = self.matcher and self.matcher.copy()
        return other

    def mask(self, vocab_size: int) -> np.ndarray | None:
        """(ceil(V / 32),) int32 words of the tokens that may be drawn; None for all."""
        parts = []
        if self.matcher is not None:
            parts.append(self._grammar(vocab_size))
        if self.sampler.allowed is not None:
            if self.allowed is None:
                self.allowed = bits("allowed", self.sampler.allowed, vocab_size)
            parts.append(self.allowed)
        if (forced := self.forced.get(self.written)) is not None:
            parts.append(bits("forced", [forced], vocab_size))
        if not parts:
            return None
        words = np.bitwise_and.reduce(parts)
        if not words.any():
            raise ValueError(
                f"sampler: no token satisfies all of the constraint, allowed and forced at place "
                f"{self.written} of sample {self.sample}'s text"
            )
        return words

    def _grammar(self, vocab_size):
        words = self.matcher.mask()
        if not words.any():
            raise ValueError(
                f"sampler: the constraint {self.matcher} has no token at place {self.written} of "
                f"sample {self.sample}'s text"
            )
        if self.matcher.vocab_size > vocab_size:
            raise ValueError(
                f"sampler: the constraint is of a tokenizer of {self.matcher.vocab_size} tokens, "
                f"the logits are of {vocab_size}"
            )
        size = (vocab_size + 31) // 32
        return np.concatenate([words, np.zeros(size - len(words), np.int32)])

    def penalized(self) -> tuple[np.ndarray, int]:
        """The ids that penalties look at, int32, and how many first ones of them are the prompt."""
        if self.history is None:
            return np.empty(0, np.int32), 0
        start = max(0, len(self.history) - (self.sampler.penalty_window or len(self.history)))
        ids = np.frombuffer(self.history, np.int32)[start:]
        return ids, max(0, self.prompt_length - start)


def draw(logits: np.ndarray, rows: Sequence[Row], top_logprobs: int = 0) -> Drawn:
    """The next token of each row of logits (B, V) float32; the rows go on by it.

    top_logprobs: how many of the model's own most likely tokens to return beside it.
    """
    drawn = Drawn(
        *_core.sample(
            logits,
            np.array([row.sample for row in rows], np.int32),
            np.array([row.position for row in rows], np.int32),
            **_state(logits, rows),
            top=top_logprobs,
        )
    )
    for row, token in zip(rows, drawn.ids.tolist(), strict=True):
        row.add(token)
    return drawn


def probabilities(logits: np.ndarray, rows: Sequence[Row]) -> np.ndarray:
    """(B, V) float64: how likely `draw` is to draw each token; the rows stay where they are."""
    return _core.probabilities(logits, **_state(logits, rows))


def possible(logits: np.ndarray, rows: Sequence[Row]) -> list[np.ndarray | None]:
    """`probabilities` row by row; None where finite logits and a row's own steps leave no token."""
    try:
        return list(probabilities(logits, rows))
    except ValueError:
        if len(rows) > 1:
            return [p for b, row in enumerate(rows) for p in possible(logits[b : b + 1], [row])]
        if not np.isfinite(logits).all():
            raise
        return [None]


def chosen(logits: np.ndarray, ids: np.ndarray, top_logprobs: int = 0) -> Drawn:
    """What `draw` would tell if it had drawn these ids (B,) int32."""
    B, V = logits.shape
    masks = np.zeros((B, (V + 31) // 32), np.uint32)
    masks[np.arange(B), ids // 32] = np.uint32(1) << (ids % 32).astype(np.uint32)
    greedy, keys = [_core.Sampling(temperature=0)], np.zeros(B, np.int32)
    return Drawn(
        *_core.sample(logits, keys, keys, greedy, masks=masks.view(np.int32), top=top_logprobs)
    )


def bits(name: str, ids: Sequence[int], vocab_size: int) -> np.ndarray:
    """(ceil(V / 32),) int32 words in which the bits of the ids are set."""
    ids = np.asarray(ids)
    if ids.max() >= vocab_size:
        raise ValueError(
            f"sampler: {name} id {ids.max()} must be below {vocab_size}, of the logits"
        )
    flags = np.zeros((vocab_size + 31) // 32 * 32, bool)
    flags[ids] = True
    return np.packbits(flags, bitorder="little").view("<i4").astype(np.int32)


def _state(logits, rows):
    """What the engine has to know of the rows, for whichever question."""
    return dict(
        settings=[row.settings for row in rows],
        masks=_masks(rows, logits.shape[1]) if any(row.masks for row in rows) else None,
        history=_history(rows) if any(row.history is not None for row in rows) else None,
        changed=_changed(logits, rows) if any(row.sampler.logits for row in rows) else None,
    )


def _masks(rows, vocab_size):
    everything = np.full((vocab_size + 31) // 32, -1, np.int32)
    masks = [row.mask(vocab_size) if row.masks else None for row in rows]
    return np.stack([everything if mask is None else mask for mask in masks])


def _history(rows):
    parts, prompts = zip(*(row.penalized() for row in rows), strict=True)
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int32)
    return np.concatenate(parts), offsets, np.array(prompts, np.int32)


def _changed(logits, rows):
    changed = logits.copy()
    for z, row in zip(changed, rows, strict=True):
        if row.sampler.logits is None:
            continue
        try:
            _change(z, row.sampler.logits)
        except BaseException as error:
            row.error = error  # so that whoever draws for many knows whose function it was
            raise
    return changed


def _change(z, function):
    new = function(z)
    if new is None:
        return
    if np.shape(new) != z.shape:
        raise ValueError(f"sampler: logits returned shape {np.shape(new)}, of a row of {z.shape}")
    z[...] = new
