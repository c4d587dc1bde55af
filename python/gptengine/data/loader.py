"""Batches of token blocks: shuffled for training, in order for evaluation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gptengine.data.shards import TokenShards


class Loader:
    """Shuffled blocks of `context` tokens, every block once an epoch.

    The order is a function of (seed, epoch), so the state is only where in which epoch we are. Each
    epoch cuts the shards at other places, so that a small text does not give the same blocks again.
    A block never crosses from one shard into the next. tokens: of an epoch, about.
    """

    def __init__(self, shards: TokenShards, batch: int, context: int, seed: int = 0):
        if batch < 1 or context < 1:
            raise ValueError(f"Loader: batch {batch} and context {context} must be at least 1")
        self.shards, self.batch, self.context, self.seed = shards, batch, context, seed
        self.tokens = shards.tokens
        self._arrays = [array for array in shards.arrays if len(array) > context]
        if not self._arrays:
            longest = max(len(array) for array in shards.arrays)
            raise ValueError(
                f"{shards.folder}: its longest {shards.split} shard has {longest} tokens, a block "
                f"of context {context} needs {context + 1}"
            )
        self._start_epoch(0)

    def next(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of the next batch, (B, T) int32 each."""
        rows = np.empty((self.batch, self.context + 1), np.int32)
        for row in rows:
            if self._index == len(self._order):
                self._start_epoch(self._epoch + 1)
            block = self._order[self._index]
            shard = int(np.searchsorted(self._first, block, "right")) - 1
            start = self._offset[shard] + (block - self._first[shard]) * self.context
            row[:] = self._arrays[shard][start : start + self.context + 1]
            self._index += 1
        return rows[:, :-1].copy(), rows[:, 1:].copy()

    def state(self) -> dict:
        """What `load_state` needs to go on with the next batch."""
        return {"epoch": self._epoch, "index": self._index}

    def load_state(self, state: dict) -> None:
        self._start_epoch(state["epoch"])
        if not 0 <= state["index"] <= len(self._order):
            raise ValueError(
                f"Loader: index {state['index']} is outside the epoch's {len(self._order)} blocks"
            )
        self._index = state["index"]

    def _start_epoch(self, epoch: int) -> None:
        lengths = np.array([len(array) for array in self._arrays])
        shift = mix(self.seed, epoch, 0, np.arange(len(lengths)))
        # the first epoch starts at the beginning; a shift leaves at least one block
        room = np.minimum(self.context, lengths - self.context) if epoch else np.ones_like(lengths)
        self._offset = (shift % room.astype(np.uint64)).astype(np.int64)
        blocks = (lengths - 1 - self._offset) // self.context
        self._first = np.concatenate([[0], np.cumsum(blocks)[:-1]])
        keys = mix(self.seed, epoch, 1, np.arange(blocks.sum()))
        self._order = np.argsort(keys, kind="stable")
        self._epoch, self._index = epoch, 0


def sequential(
    shards: TokenShards, batch: int, context: int, most_tokens: int | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks in order, each once, for evaluation; evenly spread ones if `most_tokens` is less.

    What is left over at the end of a shard, less than one block, is not read.

    Inputs and targets are (B, T) int32; the last batch may have fewer rows. A text shorter than one
    block is one shorter block.
    """
    context, blocks = evaluation_blocks(shards, context, most_tokens)
    for first in range(0, len(blocks), batch):
        group = blocks[first : first + batch]
        rows = np.stack([shards.arrays[s][at : at + context + 1] for s, at in group])
        rows = rows.astype(np.int32)
        yield rows[:, :-1].copy(), rows[:, 1:].copy()


def evaluation_blocks(
    shards: TokenShards, context: int, most_tokens: int | None
) -> tuple[int, list[tuple[int, int]]]:
    """The tokens of a block, and (shard, first token) of each block, as `sequential` reads them."""
    context = min(context, max(len(array) for array in shards.arrays) - 1)
    if context < 1:
        raise ValueError(f"{shards.folder}: {shards.split} has {shards.tokens} tokens, it needs 2")
    blocks = [
        (shard, i * context)
        for shard, array in enumerate(shards.arrays)
        for i in range((len(array) - 1) // context)
    ]
    wanted = len(blocks) if most_tokens is None else max(1, most_tokens // context)
    if wanted < len(blocks):
        blocks = [blocks[i * len(blocks) // wanted] for i in range(wanted)]
    return context, blocks


def mix(seed: int, epoch: int, stream: int, counter: np.ndarray) -> np.ndarray:
    """A random uint64 for each counter: SplitMix64 over the key, the same on every machine."""
    key = np.uint64(0)
    for word in (seed, epoch, stream):
        key = _splitmix64(key ^ np.uint64(word % (1 << 64)))
    return _splitmix64(key + counter.astype(np.uint64))


def _splitmix64(x):
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))
