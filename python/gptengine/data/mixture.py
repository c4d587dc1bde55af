"""Batches of a mixture: blocks of several sources' shards in the order of an index.

A folder of a mixture has the shards `train-SOURCE-00000.tok`, `index.npy`, (N, 2) int64 of shard
and first token of each block in the order of training, and `mixture.json`: length of a block,
blocks of a batch, seed, shards by name.
"""

from __future__ import annotations

import numpy as np

from gptengine.data.loader import Loader, mix
from gptengine.data.shards import INDEX, MIXTURE, TokenShards
from gptengine.files import read_json

AGAIN = 3  # the stream of random numbers that orders batches when the index is read again


class MixtureLoader:
    """The blocks of a mixture's index, in its order; once through, its batches in another.

    The state is one number, of blocks that were given out. tokens: of all blocks, so those of a
    source that the mixture repeats count as often.
    """

    def __init__(self, shards: TokenShards, batch: int, context: int):
        path = shards.folder / MIXTURE
        self.mixture = read_json(path)
        if context != self.mixture["length"]:
            raise ValueError(
                f"{path}: blocks have {self.mixture['length']} tokens, context is {context}: give "
                f"that context, or mix blocks of this length"
            )
        if batch < 1:
            raise ValueError(f"MixtureLoader: batch {batch} must be at least 1")
        names = sorted(p.name for p in shards.folder.glob(f"{shards.split}-*.tok"))
        if names != self.mixture["shards"]:
            raise ValueError(f"{path}: made of {self.mixture['shards']}, the folder holds {names}")
        self.shards, self.batch, self.context = shards, batch, context
        self._blocks = _read_index(shards, context)
        self.tokens = len(self._blocks) * context
        self._given, self._pass = 0, 0
        self._start(0)

    def next(self) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of the next batch, (B, T) int32 each."""
        rows = np.empty((self.batch, self.context + 1), np.int32)
        for row in rows:
            again, place = divmod(self._given, len(self._blocks))
            if again != self._pass:
                self._start(again)
            shard, start = self._blocks[self._order[place] if again else place]
            row[:] = self.shards.arrays[shard][start : start + self.context + 1]
            self._given += 1
        return rows[:, :-1].copy(), rows[:, 1:].copy()

    def state(self) -> dict:
        """What `load_state` needs to go on with the next batch."""
        return {"blocks": self._given}

    def load_state(self, state: dict) -> None:
        if state["blocks"] < 0:
            raise ValueError(f"MixtureLoader: {state['blocks']} blocks given out is below 0")
        self._given = state["blocks"]
        self._start(self._given // len(self._blocks))

    def _start(self, again: int) -> None:
        """Order whole batches anew, so that each keeps its sources; the rest comes last."""
        self._pass = again
        if not again:
            return
        size = self.mixture["batch"]
        whole = len(self._blocks) // size
        keys = mix(self.mixture["seed"], again, AGAIN, np.arange(whole))
        batches = np.argsort(keys, kind="stable")
        order = (batches[:, None] * size + np.arange(size)).reshape(-1)
        self._order = np.concatenate([order, np.arange(whole * size, len(self._blocks))])


def open_loader(shards: TokenShards, batch: int, context: int, seed: int):
    """What gives out a folder's training batches: a mixture's own order, or shuffled blocks."""
    if (shards.folder / MIXTURE).is_file():
        return MixtureLoader(shards, batch, context)
    return Loader(shards, batch, context, seed)


def _read_index(shards: TokenShards, length: int) -> np.ndarray:
    path = shards.folder / INDEX
    try:
        blocks = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: not an index of blocks: {error}") from None
    if blocks.ndim != 2 or blocks.shape[1] != 2 or blocks.dtype != np.int64 or not len(blocks):
        raise ValueError(f"{path}: {blocks.dtype} {blocks.shape}, not int64 (N, 2)")
    sizes = np.array([len(array) for array in shards.arrays])
    for first in range(0, len(blocks), 1 << 20):
        shard, start = blocks[first : first + (1 << 20)].T
        known = (shard >= 0) & (shard < len(sizes))
        if not (known.all() and (start >= 0).all() and (start + length < sizes[shard]).all()):
            raise ValueError(f"{path}: names blocks that the shards do not have")
    return blocks
