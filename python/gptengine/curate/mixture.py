"""How many blocks of each source a mixture has, and in which order: pure arithmetic on counts."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from gptengine.data.loader import mix

PLACES, SHIFTS, SHUFFLES = 0, 1, 2  # streams of random numbers


class Share(NamedTuple):
    """Of one source, in blocks."""

    wanted: int  # its weight of the whole mixture
    blocks: int  # of them those that it has, within its epochs

    @property
    def shortfall(self) -> int:
        return self.wanted - self.blocks


def apportion(weights: dict[str, float], total: int) -> dict[str, int]:
    """Whole numbers that sum to `total`, each within 1 of its weight's part (largest remainder)."""
    whole = math.fsum(weights.values())
    parts = {name: total * weight / whole for name, weight in weights.items()}
    counts = {name: int(part) for name, part in parts.items()}
    by_rest = sorted(parts, key=lambda name: (counts[name] - parts[name], name))
    for name in by_rest[: total - sum(counts.values())]:
        counts[name] += 1
    return counts


def share_out(
    weights: dict[str, float], most: dict[str, int], total: int = 0
) -> tuple[dict[str, Share], str]:
    """Blocks by source, and the source that decides about the size of the mixture.

    most: blocks that each source can give, with all its epochs. total: of the mixture; 0 is as many
    as all sources give at their weights, so that none falls short, and "" decides otherwise.
    """
    limited = ""
    if not total:
        whole = math.fsum(weights.values())
        limited = min(weights, key=lambda name: (most[name] * whole / weights[name], name))
        total = int(most[limited] * whole / weights[limited])
        while total and any(n > most[name] for name, n in apportion(weights, total).items()):
            total -= 1  # rounding up asked for one block more than there is
    wanted = apportion(weights, total)
    return {name: Share(n, min(n, most[name])) for name, n in wanted.items()}, limited


def source_blocks(sizes: list[int], blocks: int, length: int, seed: int, source: int) -> np.ndarray:
    """(blocks, 2) of shard and first token: all blocks of the shards epoch after epoch.

    sizes: tokens of each shard. The last epoch may end early; since documents lie in a random
    order, it is of some of them. Later epochs cut at other places where the shard leaves room.
    """
    counts = np.array([blocks_of(size, length) for size in sizes])
    shard = np.repeat(np.arange(len(sizes)), counts)
    start = (np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)) * length
    room = np.array(sizes) - counts * length  # at least 1: the target of the last token
    found, epoch = [], 0
    while blocks > sum(map(len, found)):
        shift = mix(seed, epoch, (SHIFTS << 32) + source, np.arange(len(sizes)))
        shift = shift % np.maximum(room, 1).astype(np.uint64) * np.uint64(epoch > 0)
        found.append(np.stack([shard, start + shift.astype(np.int64)[shard]], axis=1))
        found[-1] = found[-1][: blocks - sum(map(len, found[:-1]))]
        found[-1] = found[-1][_shuffled(len(found[-1]), seed, source, epoch)]
        epoch += 1
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


def blocks_of(tokens: int, length: int) -> int:
    """Blocks of a shard: each needs the token after it as its last target."""
    return max(0, (tokens - 1) // length)


def _shuffled(n: int, seed: int, source: int, epoch: int) -> np.ndarray:
    return np.argsort(mix(seed, epoch, (SHUFFLES << 32) + source, np.arange(n)), kind="stable")


def order(counts: list[int], seed: int, batch: int, least_sources: int) -> np.ndarray:
    """The source of each block of the mixture, (N,), so that any stretch of it has its shares.

    The j-th of n blocks of a source comes at about (j + u) / n, with u drawn from 0 to 1. Batches
    of one source alone then take a block of another from one that has more, if there is such.
    """
    sources = np.repeat(np.arange(len(counts)), counts)
    place = np.concatenate(
        [(np.arange(n) + _uniform(n, seed, s)) / n for s, n in enumerate(counts)]
    )
    sources = sources[np.argsort(place, kind="stable")]
    if least_sources > 1 and batch > 1:
        _mix_batches(sources, batch)
    return sources


def _uniform(n: int, seed: int, source: int) -> np.ndarray:
    return (mix(seed, 0, (PLACES << 32) + source, np.arange(n)) >> np.uint64(11)) * 2.0**-53


def _mix_batches(sources: np.ndarray, batch: int) -> None:
    """Exchange blocks until each whole batch has two sources, or no batch can spare one."""
    whole = len(sources) // batch
    batches = sources[: whole * batch].reshape(whole, batch)
    alone = np.flatnonzero((batches == batches[:, :1]).all(1))
    for poor in alone.tolist():
        if (batches[poor] != batches[poor, 0]).any():
            continue  # it has given and taken meanwhile
        mine = batches[poor, 0]
        found = None
        for giver in _nearest(poor, whole):
            other = np.flatnonzero(batches[giver] != mine)
            if giver != poor and (len(other) == batch or len(other) > 1):
                found = giver, other[-1]
                break
        if found is None:
            return
        batches[poor, -1], batches[found] = batches[found], mine


def _nearest(place: int, count: int):
    """All numbers below `count`, the nearest to `place` first."""
    for step in range(count):
        yield from {n for n in (place - step, place + step) if 0 <= n < count}
