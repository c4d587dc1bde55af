"""Sorted hashes with gaps, to look many up at once: most stand where their first bits say."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .. import _core

EMPTY = 2**64 - 1  # the key of a gap
GAPS = 4  # behind all keys, as many as the engine looks at together
FULL = 0.6  # of the other slots, about


class HashTable(NamedTuple):
    """Distinct hashes with 8 bytes of values each: (slots,) of "key" and names of values.

    A key stands at the first free slot from (key >> 32) * homes >> 32 on, the lowest first. The
    last slots are gaps: the very last is what is found of a hash that is not there.
    """

    slots: np.ndarray
    homes: int

    @classmethod
    def of(cls, keys: np.ndarray, values: dict[str, np.ndarray], missing=()) -> HashTable:
        """Of uint64 that ascend. missing: the values of the last slot."""
        if len(keys) and keys[-1] == EMPTY:
            raise ValueError(f"hash table: the key {EMPTY} stands for a gap")
        homes = int(len(keys) / FULL) + 1
        place = np.arange(len(keys))
        wanted = ((keys >> np.uint64(32)) * np.uint64(homes) >> np.uint64(32)).astype(np.int64)
        place += np.maximum.accumulate(wanted - place)
        slots = np.zeros(
            max(homes, place[-1] + 1 if len(place) else 0) + GAPS,
            [("key", "<u8"), *((name, array.dtype.str) for name, array in values.items())],
        )
        assert slots.itemsize == 16
        slots["key"] = EMPTY
        slots["key"][place] = keys
        for name, array in values.items():
            slots[name][place] = array
        for name, value in zip(values, missing, strict=False):
            slots[name][-1] = value
        return cls(slots, homes)

    def find(self, hashes: np.ndarray) -> np.ndarray:
        """The slot of each uint64, (m,) int32: the last one where it is not there."""
        return _core.find_hashes(*self.plain(), hashes)

    def full(self) -> np.ndarray:
        """The slots without gaps: what the table was made of, in its order."""
        return self.slots[self.slots["key"] != EMPTY]

    def plain(self) -> tuple[np.ndarray, int]:
        """As the engine takes it: (2 slots,) uint64 and the homes."""
        return self.slots.view(np.uint64), self.homes
