"""A sorted array of hashes with an index of its first bits, to look many up at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _core

LAST = np.uint64(2**64 - 1)  # stands after all keys


class HashTable(NamedTuple):
    """Distinct hashes, ascending, then LAST; starts[h >> shift] is the first that begins like h."""

    keys: np.ndarray  # (n + 1,) uint64
    starts: np.ndarray  # (a power of 2,) int32
    shift: int

    def find(self, hashes: np.ndarray) -> np.ndarray:
        """The place of each uint64 among the n keys, (m,) int32; -1 where it is not there."""
        return _core.find_hashes(self, hashes)


def hash_table(keys: np.ndarray) -> HashTable:
    """Of distinct uint64 that ascend: a pair of buckets a key, so few keys begin alike."""
    bits = max(1, len(keys).bit_length())
    edges = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    starts = np.searchsorted(keys, edges).astype(np.int32)
    return HashTable(np.append(keys, LAST), starts, 64 - bits)
