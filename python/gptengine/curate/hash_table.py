"""A sorted array of hashes with an index of its first bits, to look many up at once in NumPy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LAST = np.uint64(2**64 - 1)  # stands after all keys


class HashTable(NamedTuple):
    """Distinct hashes, ascending, then LAST; starts[h >> shift] is the first that begins like h."""

    keys: np.ndarray  # (n + 1,) uint64
    starts: np.ndarray  # (a power of 2,) int32
    shift: np.uint64

    def find(self, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where each hash would stand among the n keys, (m,) int32, and whether it is there, bool.

        Where it is not there the place may be n.
        """
        place = self.starts[hashes >> self.shift]
        while True:
            behind = self.keys[place] < hashes
            if not behind.any():
                return place, (self.keys[place] == hashes) & (place < len(self.keys) - 1)
            place = place + behind


def hash_table(keys: np.ndarray) -> HashTable:
    """Of distinct uint64 that ascend: a pair of buckets a key, so few keys begin alike."""
    bits = max(1, len(keys).bit_length())
    shift = np.uint64(64 - bits)
    edges = np.arange(1 << bits, dtype=np.uint64) << shift
    starts = np.searchsorted(keys, edges).astype(np.int32)
    return HashTable(np.append(keys, LAST), starts, shift)
