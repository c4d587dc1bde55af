"""By how many tasks a file is read: as few as keep all workers busy.

Each of them reads the whole of the file, since what is packed can only be read from its beginning,
and makes documents of its own records alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from gptengine.files import read_json, write_json

from .document import Record
from .readers import read_file
from .recipe import Source
from .tasks import Task, is_done

LEAST_BYTES = 1 << 20  # of a file, for a task
MOST = 32  # tasks of a file
MOST_OF_MACHINES = 8  # where each has to come to the same number, whatever its workers
PAGES = 5  # times as long as packed text takes the extractor for packed pages
PEEKED = 20  # records of a file, to see what is in it
FILE = "strides.json"


class Strides:
    """Divides the files of a run among so many workers; 0 stands for those of many machines."""

    def __init__(self, files: list[tuple[str, Source]], workers: int):
        self.workers = workers
        self.weights = {path: weight(path, source) for path, source in files}
        self.whole = sum(os.path.getsize(path) * n for path, n in self.weights.items())

    def count(self, path: str) -> int:
        size = os.path.getsize(path)
        share = size * self.weights[path] * self.workers
        wanted = -(-share // max(1, self.whole)) if self.workers else MOST_OF_MACHINES
        return max(1, min(wanted, MOST, size // LEAST_BYTES))


def weight(path: str, source: Source) -> int:
    """How many times as much work a byte of the file is as one of text. Small ones are not read."""
    if source.extract != "trafilatura" or os.path.getsize(path) < 2 * LEAST_BYTES:
        return 1
    for number, item in enumerate(read_file(path, source.read_options())):
        if isinstance(item, Record):
            return PAGES if item.kind == "html" else 1
        if number == PEEKED:
            break
    return 1


class Remembered:
    """As an earlier run of the folder divided a file, if it has done any of its tasks."""

    def __init__(self, work, strides: Strides):
        self.work, self.path, self.strides = work, Path(work) / FILE, strides
        self.known = read_json(self.path) if self.path.is_file() else {}

    def tasks(self, path: str, digest: str, make: Callable[[int], list[Task]]) -> list[Task]:
        """make: from the number of tasks to the tasks of the file at `path`."""
        if self.strides.workers and digest in self.known:
            before = make(self.known[digest])
            if any(is_done(task, self.work) for task in before):
                return before
        self.known[digest] = self.strides.count(path)
        return make(self.known[digest])

    def save(self) -> None:
        if self.strides.workers:
            write_json(self.path, self.known, sort_keys=True)
