"""`gptengine curate run`: a recipe in, documents and a report out."""

from __future__ import annotations

import dataclasses
import time

from gptengine.cli.curate.show import account_lines, count, next_line, share
from gptengine.cli.tokenizer.progress import Progress, time_left
from gptengine.options import REQUIRED, check_sizes, option

EXAMPLES = """\
  gptengine curate run recipe.yaml --out runs/corpus
  gptengine curate run recipe.yaml --out runs/corpus --workers 8 --memory 16GiB
  gptengine curate run recipe.yaml --out /shared/corpus --shard 3/16 --wait   # one of 16"""


@dataclasses.dataclass(frozen=True)
class RunCommand:
    """Read, clean, filter and compare what a recipe names; report what was dropped, and why.

    The same command again goes on where a stopped one ended, with the same result.
    """

    recipe: str = option(REQUIRED, "a .yaml or .json file", positional=True, shows="RECIPE")
    out: str = option("runs/corpus", "folder of the documents and the report", shows="FOLDER")
    workers: int = option(0, "processes (0: as many as there are processors and as fit)")
    memory: str = option("4GiB", "that all of them may take", shows="SIZE")
    shard: str = option("", "this machine's share of the work, of a job array", shows="I/N")
    wait: bool = option(False, "with --shard: wait for the others at the end of each stage")

    def __post_init__(self):
        check_sizes("curate run", self, workers=0)
        share(self.shard, self.wait)


def main(c: RunCommand) -> int:
    from rich.console import Console

    from gptengine.cli.curate.plan import plan_lines
    from gptengine.curate.pipeline import run
    from gptengine.curate.planning import plan
    from gptengine.curate.tasks import Unfinished
    from gptengine.train.log import say

    console = Console(highlight=False)
    for line in plan_lines(plan(c.recipe, workers=c.workers, memory=c.memory)):
        say(console, line)
    settings = dict(workers=c.workers, memory=c.memory, shard=share(c.shard, c.wait))
    try:
        with Progress(console) as progress:
            report = run(c.recipe, c.out, progress=Stages(progress).update, **settings)
    except Unfinished as unfinished:
        say(
            console,
            f"stage    {unfinished.stage}: the share of {c.shard} is done, "
            f"{count(unfinished.missing, 'task')} of {unfinished.total:,} of others not; when all "
            f"have ended, start each again with its command for the next stage",
        )
        return 0
    for line in account_lines(report):
        say(console, line)
    say(console, f"report   {c.out}/report.html")
    say(console, next_line(c.recipe, c.out, report.get("mixed")))
    return 0


class Stages:
    """Progress of a run's stages as lines, with the time that a stage still takes."""

    def __init__(self, progress):
        self.progress, self.stage = progress, ""

    def update(self, stage: str, done: int, total: int) -> None:
        now = time.perf_counter()
        if stage != self.stage:  # from its first task on: what was done before tells nothing
            self.stage, self.begin, self.first = stage, now, done
        past, rest = done - self.first, total - self.first
        left = time_left(now - self.begin, past, rest) if past else ""
        self.progress.show(lambda: f"{stage:8} {done / 1e6:,.1f} of {total / 1e6:,.1f} MB{left}")
