"""`gptengine curate plan`: what a recipe means, without doing it."""

from __future__ import annotations

import dataclasses

from gptengine.cli.curate.show import count
from gptengine.options import REQUIRED, check_sizes, option

EXAMPLES = """\
  gptengine curate plan recipe.yaml
  gptengine curate plan recipe.yaml --memory 2GiB"""


@dataclasses.dataclass(frozen=True)
class PlanCommand:
    """Show the files, steps, tasks and memory that a recipe means; nothing is written."""

    recipe: str = option(REQUIRED, "a .yaml or .json file", positional=True, shows="RECIPE")
    workers: int = option(0, "processes (0: as many as there are processors and as fit)")
    memory: str = option("4GiB", "that all of them may take", shows="SIZE")

    def __post_init__(self):
        check_sizes("curate plan", self, workers=0)


def main(c: PlanCommand) -> None:
    for line in plan_lines(_plan(c)):
        print(line)


def _plan(c: PlanCommand) -> dict:
    from gptengine.curate.planning import plan

    return plan(c.recipe, workers=c.workers, memory=c.memory)


def plan_lines(planned: dict) -> list[str]:
    lines = []
    for name, source in planned["sources"].items():
        lines.append(
            f"{name:8} {source['tier']}, weight {source['weight']:g}: "
            f"{count(source['files'], 'file')}, {source['bytes'] / 1e6:,.1f} MB in "
            f"{count(source['tasks'], 'task')}; {', '.join(source['steps'])}"
        )
    lines.append(f"memory   {planned['memory']}")
    lines.append(f"recipe   {planned['recipe_digest']}")
    return lines
