"""`run`: from a recipe to a folder of documents and a report of what became of the others.

documents/SOURCE-00000.jsonl   what is kept, sorted by id
report.json, report.html       counts, reasons, samples
recipe.json                    the recipe with all defaults
work/                          results of tasks: for resuming, and for `explain`
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import NamedTuple

from gptengine.data.shards import MIXTURE
from gptengine.files import (
    atomic_folder,
    atomic_write,
    folder_in_use,
    locked,
    read_json,
    write_json,
)

from . import graph
from .executors import local
from .memory import Memory
from .recipe import Recipe, load_recipe
from .settings import plain
from .stages.write import read_tally
from .steps import check_steps
from .store import DOCUMENTS
from .summary import summary
from .tally import Tally
from .tasks import Shard, Task, remove_others, run_stage

STATE = "state.json"  # in work: the folders of the finished run's stages, for `explain`
Progress = Callable[[str, int, int], None]  # stage, bytes done, bytes of all


class Stages(NamedTuple):
    """The tasks of a finished run."""

    read: dict[str, list[Task]]
    parts: list[graph.Part]
    learn: Task | None
    filter: list[Task]
    compare: Task
    write: dict[str, list[Task]]

    def all(self) -> list[Task]:
        of_sources = [t for tasks in (self.read, self.write) for ts in tasks.values() for t in ts]
        return [*of_sources, *filter(None, [self.learn]), *self.filter, self.compare]


def run(
    recipe,
    out,
    *,
    workers: int = 0,
    executor: Executor | None = None,
    memory: int | str = "4GiB",
    shard: Shard | None = None,
    progress: Progress | None = None,
) -> dict:
    """Curate what a recipe names into the folder `out`, and return the report.

    recipe: a .yaml or .json file, a mapping or a Recipe. workers: processes (0: as many as there
    are processors and as fit into `memory`); or `executor` does the work, any of
    concurrent.futures. The result depends on neither, nor on the order of files. What an earlier
    run of the folder did and still holds is not done again.

    Raises ValueError for what a user can mend, and tasks.Unfinished where other shards have to
    finish a stage first.
    """
    recipe, base = load_recipe(recipe)
    check_steps(recipe, base)
    planned = Memory.plan(recipe, memory, workers, base)
    begin, shard = time.time(), shard or Shard()
    share = f"{shard.number}-of-{shard.count}"
    with folder_in_use(out), locked(out, "curating", shared=shard.count > 1):
        work = Path(out) / "work"
        work.mkdir(exist_ok=True)
        with locked(work, f"doing share {shard.number}/{shard.count}", name=f".share-{share}"):
            with _workers(executor, planned.workers) as found:
                alone = executor is None and shard.count == 1
                stages = _do(recipe, base, work, found, shard, planned, alone, progress)
            with locked(work, name=".finishing", wait=True):  # other machines get there as well
                return _finish(recipe, base, Path(out), stages, planned, time.time() - begin)


@contextlib.contextmanager
def _workers(executor: Executor | None, count: int) -> Iterator[Executor]:
    """The caller's executor, or `count` processes that end with the block."""
    if executor:
        yield executor
        return
    own = local(count)
    try:
        yield own
    except BaseException:
        own.stop()
        raise
    own.shutdown()


def _do(
    recipe: Recipe, base, work: Path, executor, shard, planned: Memory, alone: bool, progress
) -> Stages:
    """All stages in their order, each after the whole of the one before.

    alone: the workers planned are all that there are.
    """

    def do(tasks: list[Task]) -> None:
        if tasks:
            stage = tasks[0].stage
            told = progress and (lambda done, total: progress(stage, done, total))
            run_stage(tasks, work, executor, shard, told)

    reads = graph.read_tasks(recipe, base, work, planned.workers if alone else 0)
    do([task for tasks in reads.values() for task in tasks])
    parts = graph.parts_of(reads, work)
    learned = graph.learn_task(recipe, reads, parts)
    do([learned] if learned else [])
    filters = graph.filter_tasks(recipe, base, parts, learned, work)
    do(filters)
    compare = graph.compare_task(recipe, parts, filters, planned.sorting)
    do([compare])
    writes = graph.write_tasks(recipe, parts, filters, compare, kept_bytes(filters, compare, work))
    do([task for tasks in writes.values() for task in tasks])
    return Stages(reads, parts, learned, filters, compare, writes)


def kept_bytes(filters: list[Task], compare: Task, work) -> dict[str, int]:
    """Bytes of text by source after the copies went."""
    sizes: dict[str, int] = {}
    for task in filters:
        sizes[task.settings["source"]] = (
            sizes.get(task.settings["source"], 0)
            + read_json(task.folder(work) / "size.json")["bytes"]
        )
    for source, reasons in read_tally(compare.folder(work)).reasons.items():
        sizes[source] -= sum(size for _, size in reasons.values())
    return sizes


def _finish(recipe: Recipe, base, out: Path, stages: Stages, planned, seconds: float) -> dict:
    """Put the shards where users look for them, and the report beside them."""
    work = out / "work"
    tally = tally_of(stages, work)
    report = summary(recipe, tally, graph.versions(), planned.as_json(), seconds)
    with atomic_folder(out / "documents", replaces=("*",)) as folder:
        for name, tasks in stages.write.items():
            for task in tasks:
                shard = folder / f"{name}-{task.settings['shard']:05d}.jsonl"
                _link(task.folder(work) / DOCUMENTS, shard)
    write_json(out / "recipe.json", plain(recipe), sort_keys=True)
    state = dict(
        base=os.path.abspath(base),
        read={name: [t.key for t in tasks] for name, tasks in stages.read.items()},
        parts=[[p.source, p.path] for p in stages.parts],
        learn=stages.learn.key if stages.learn else "",
        filter=[t.key for t in stages.filter],
        compare=stages.compare.key,
        shards={name: len(tasks) for name, tasks in stages.write.items()},
    )
    write_json(work / STATE, state, sort_keys=True)
    remove_others(stages.all(), work)
    mixture = out / "tokens" / MIXTURE
    if mixture.is_file() and (mixed := read_json(mixture))["recipe_digest"] == recipe.digest():
        report["mixed"] = mixed
    save_report(out, report)
    return report


def save_report(out, report: dict) -> None:
    """report.json, and report.html made of it."""
    from gptengine.report.curation import page_of

    write_json(Path(out) / "report.json", report, sort_keys=True)
    atomic_write(Path(out) / "report.html", page_of(report).encode("utf-8", "replace"))


def tally_of(stages: Stages, work) -> Tally:
    """The sum of what all tasks counted. Two files of the same content are two, done once."""
    total = Tally()
    for task in stages.all():
        path = task.folder(work) / "tally.json"
        if path.is_file():
            total.merge(Tally.from_json(path.read_bytes()))
    return total


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copyfile(source, target)
