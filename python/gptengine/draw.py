"""One decoding step's draws: rows of logits in, a token for each row out, by its own sampler."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gptengine import _core
from gptengine.sampler import Sampler


class Drawn(NamedTuple):
    """What one step drew from B rows of logits."""

    ids: np.ndarray  # (B,) int32
    logprobs: np.ndarray  # (B,) float32: log p of each id under the model, before any sampler


class Row:
    """One sequence as its draws see it: its sampler and the key of its draws.

    sample: its number among those that share a seed.
    """

    def __init__(self, sampler: Sampler, prompt: Sequence[int], *, sample: int = 0, seed: int = 0):
        self.sampler, self.sample, self.seed = sampler, sample, seed
        self.prompt_length, self.written = len(prompt), 0

    @property
    def position(self) -> int:
        """Of the next token: how many come before it. Keys the draw."""
        return self.prompt_length + self.written

    def add(self, token: int) -> None:
        """Go on by a token: what was drawn, or what was written without a draw."""
        self.written += 1


def draw(logits: np.ndarray, rows: Sequence[Row]) -> Drawn:
    """The next token of each row of logits (B, V) float32; the rows go on by it."""
    alike: dict[tuple, list[int]] = {}
    for b, row in enumerate(rows):
        alike.setdefault((row.sampler, row.seed), []).append(b)
    drawn = Drawn(np.empty(len(rows), np.int32), np.empty(len(rows), np.float32))
    for (sampler, seed), group in alike.items():
        drawn.ids[group], drawn.logprobs[group] = _core.sample(
            logits if len(alike) == 1 else logits[group],
            np.array([rows[b].sample for b in group], np.int32),
            np.array([rows[b].position for b in group], np.int32),
            seed=seed,
            temperature=sampler.temperature,
            top_k=min(int(sampler.top_k), logits.shape[1]),  # any size may be asked for
            top_p=sampler.top_p,
            min_p=sampler.min_p,
        )
    for row, token in zip(rows, drawn.ids.tolist(), strict=True):
        row.add(token)
    return drawn
