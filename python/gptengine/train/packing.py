"""Examples into batches of about as many tokens each: best fit, longest first.

A batch is several examples behind each other, each a segment of its own; attention stays inside a
segment, so an example's numbers are the same bits in whatever batch it is.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import numpy as np

from gptengine.data.loader import mix

WINDOW = 4096  # examples that are packed together; more would hardly fill batches better


def pack(lengths: np.ndarray, capacity: int) -> list[list[int]]:
    """Which examples make each batch of at most `capacity` tokens: every example in one of them.

    Best fit decreasing: each, from the longest on, goes to the batch with the least room that still
    takes it, the earliest of such. lengths: (N,), none above capacity.
    """
    longest = int(max(lengths, default=0))
    if longest > capacity:
        raise ValueError(f"pack: an example of {longest} tokens, a batch has {capacity}")
    bins: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (tokens left, batch), sorted
    for i in np.argsort(-np.asarray(lengths), kind="stable").tolist():
        length = int(lengths[i])
        at = bisect.bisect_left(room, (length, -1))
        if at < len(room):
            left, which = room.pop(at)
        else:
            left, which = capacity, len(bins)
            bins.append([])
        bins[which].append(i)
        bisect.insort(room, (left - length, which))
    return bins


def epoch_batches(
    lengths: Sequence[int],
    times: Sequence[float],
    capacity: int,
    seed: int,
    epoch: int,
    packed=True,
) -> list[np.ndarray]:
    """The batches of an epoch: indices of examples, in an order that (seed, epoch) decides.

    times: how often each example comes in an epoch; a fraction is its chance of coming once more.
    packed: without it each batch is one example.
    """
    n = len(lengths)
    chance = mix(seed, epoch, 2, np.arange(n)) / np.float64(2**64)
    often = np.floor(times).astype(np.int64)
    often += chance < np.asarray(times) - often
    drawn = np.repeat(np.arange(n), often)
    drawn = drawn[np.argsort(mix(seed, epoch, 3, np.arange(len(drawn))), kind="stable")]
    lengths = np.asarray(lengths)
    batches = []
    for first in range(0, len(drawn), WINDOW):
        window = drawn[first : first + WINDOW]
        groups = pack(lengths[window], capacity) if packed else [[i] for i in range(len(window))]
        batches += [np.sort(window[group]) for group in groups]
    order = np.argsort(mix(seed, epoch, 4, np.arange(len(batches))), kind="stable")
    return [batches[i] for i in order]
