"""How much memory a run takes: planned before it starts, and held by the number of its workers."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass

from gptengine.tokenizer.arguments import bytes_of

from .recipe import Recipe
from .stages.read import PART_BYTES

PYTHON = 120 << 20  # a worker with the engine, NumPy and the rules
EXTRACTION = 260 << 20  # its extractors and language models, and the page in hand
TEXT_COPIES = 6  # of a part: its lines, its documents, what is written
LEAST_SORTING = 16 << 20


@dataclass(frozen=True)
class Memory:
    """Bytes, for `workers` processes beside the one that leads them."""

    limit: int
    workers: int
    worker: int  # of one
    sorting: int  # of the comparison, beside 100 bytes a document

    @classmethod
    def plan(cls, recipe: Recipe, limit, workers: int, base) -> Memory:
        """As many workers as there are processors and memory; ValueError if not one fits."""
        limit = _bytes(limit)
        if workers < 0:
            raise ValueError(f"curate: {workers} workers must be at least 1, or 0 for all that fit")
        worker = PYTHON + EXTRACTION + TEXT_COPIES * PART_BYTES
        worker += min(recipe.shard_bytes * TEXT_COPIES, 1 << 40) // 2
        room = limit - PYTHON
        fit = room // worker
        if fit < 1:
            raise ValueError(
                f"curate: memory {limit:,} bytes is too little: one worker takes {worker:,}, the "
                f"process that leads {PYTHON:,}; smaller shard_bytes than {recipe.shard_bytes:,} "
                f"take less"
            )
        if workers > fit:
            raise ValueError(
                f"curate: {workers} workers of {worker:,} bytes do not fit into memory "
                f"{limit:,}: at most {fit}"
            )
        chosen = workers or min(fit, len(os.sched_getaffinity(0)))
        return cls(limit, chosen, worker, max(LEAST_SORTING, room // 4))

    def as_json(self) -> dict:
        return asdict(self)

    def __str__(self) -> str:
        mb = lambda n: f"{n / 1e6:,.0f} MB"
        return (
            f"{self.workers} x {mb(self.worker)} and {mb(PYTHON)} of {mb(self.limit)}; sorting in "
            f"{mb(self.sorting)}"
        )


def _bytes(limit) -> int:
    try:
        return bytes_of(limit)
    except ValueError as error:
        raise ValueError(str(error).replace("tokenizer:", "curate:", 1)) from None
