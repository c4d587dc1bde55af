"""Tasks whose results lie in folders named after what they depend on, so that each is done once.

A task's key is a digest of its settings and of the keys of what it reads; its folder appears with
everything in it, or not at all. A run that was killed therefore goes on with the tasks that have no
folder, and a changed recipe does again only what it changes.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gptengine.files import atomic_folder, read_json

from .executors import Processes

DONE = "task.json"  # written last into a task's folder: the sizes of its files
WAIT_SECONDS = 2.0  # between two looks for what other machines are doing


@dataclass(frozen=True)
class Task:
    """A function of its settings alone: call(folder, work, **settings) writes into the folder.

    call: a function of a module, which other processes can import. settings: JSON values that may
    change the result. files: what is read but named by its content in the settings, so that a
    moved file is the same. size: of the work, in bytes; weight: how much work a byte is.
    """

    stage: str
    call: Callable
    settings: dict
    files: tuple[str, ...] = ()
    size: int = 0
    weight: int = 1
    key: str = field(init=False)

    def __post_init__(self):
        text = json.dumps([self.stage, self.settings], sort_keys=True)
        object.__setattr__(self, "key", hashlib.blake2b(text.encode(), digest_size=16).hexdigest())

    def folder(self, work) -> Path:
        return Path(work) / self.stage / self.key


def is_done(task: Task, work) -> bool:
    """Whether the task's folder is there with files of the sizes that were written."""
    folder = task.folder(work)
    if not (folder / DONE).is_file():
        return False
    sizes = read_json(folder / DONE)
    paths = {name: folder / name for name in sizes}
    return all(p.is_file() and p.stat().st_size == sizes[n] for n, p in paths.items())


def run_task(task: Task, work: str) -> float:
    """Do one task, in any process; the processor seconds it took."""
    begin = time.process_time()
    with atomic_folder(task.folder(work), replaces=("*",)) as folder:
        task.call(folder, Path(work), *task.files, **task.settings)
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        sizes = {p.relative_to(folder).as_posix(): p.stat().st_size for p in files}
        (folder / DONE).write_text(json.dumps(sizes))
    return time.process_time() - begin


@dataclass(frozen=True)
class Shard:
    """One of several machines' share of every stage: `number` of `count`, from 1."""

    number: int = 1
    count: int = 1
    wait: bool = False  # for the others at the end of a stage

    def __post_init__(self):
        if not 1 <= self.number <= self.count:
            raise ValueError(f"shard {self.number}/{self.count}: it must be from 1 to {self.count}")

    @classmethod
    def parse(cls, text: str, wait: bool = False) -> Shard:
        number, _, count = text.partition("/")
        if not (number.isdecimal() and count.isdecimal()):
            raise ValueError(f"shard {text!r} is not like 2/8")
        return cls(int(number), int(count), wait)


class Unfinished(Exception):
    """Other machines have not done their share of a stage, which the next one needs."""

    def __init__(self, stage: str, missing: int, total: int):
        super().__init__(f"{stage}: {missing} of {total} tasks are not done yet")
        self.stage, self.missing, self.total = stage, missing, total


def run_stage(
    tasks: list[Task],
    work,
    executor: concurrent.futures.Executor,
    shard: Shard | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Do what is not done of the tasks, and return how many that were.

    progress: is told the bytes of work that are done and those of all tasks of this shard. Raises
    Unfinished where tasks of other shards are missing. What a task raises ends the stage.
    """
    shard = shard or Shard()
    unique = list({task.key: task for task in tasks}.values())
    mine = unique[shard.number - 1 :: shard.count]
    todo = [task for task in mine if not is_done(task, work)]
    total = sum(task.size for task in mine)
    done = total - sum(task.size for task in todo)
    (Path(work) / tasks[0].stage).mkdir(parents=True, exist_ok=True)
    waiting: dict[concurrent.futures.Future, Task] = {}

    def finish(future, task):
        nonlocal done
        future.result()
        done += task.size
        if progress:
            progress(done, total)

    try:
        todo.sort(key=lambda task: -task.size * task.weight)  # so that no long one is the last
        for task in todo:
            future = executor.submit(run_task, task, str(work))
            if future.done():  # where tasks are done one at a time in this process
                finish(future, task)
            else:
                waiting[future] = task
        for future in concurrent.futures.as_completed(waiting):
            finish(future, waiting[future])
    except concurrent.futures.BrokenExecutor:
        raise ValueError(
            f"curate: a worker died in {tasks[0].stage}, as it does when memory is out; fewer "
            f"workers may help, and what is done stays done"
        ) from None
    finally:
        if not isinstance(executor, Processes):  # these are stopped, and do not bear both at once
            for future in waiting:
                future.cancel()
    while missing := [task for task in unique if not is_done(task, work)]:
        if not shard.wait:
            raise Unfinished(tasks[0].stage, len(missing), len(unique))
        time.sleep(WAIT_SECONDS)
    return len(todo)


def remove_others(tasks: list[Task], work) -> None:
    """Remove the results that no task of the run has: those of an earlier recipe."""
    import shutil

    kept = {task.folder(work) for task in tasks}
    for folder in Path(work).glob("*/*"):
        if folder not in kept and folder.is_dir():
            shutil.rmtree(folder)
