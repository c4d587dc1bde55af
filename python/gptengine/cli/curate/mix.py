"""`gptengine curate mix`: curated documents in, blocks of tokens in a mixture out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

from gptengine.cli.curate.run import Stages
from gptengine.cli.curate.show import mixture_lines, next_line
from gptengine.cli.tokenizer.progress import Progress
from gptengine.options import REQUIRED, option

EXAMPLES = """\
  gptengine curate mix recipe.yaml --out runs/corpus
  gptengine curate mix recipe.yaml --out runs/corpus --export megatron"""


@dataclasses.dataclass(frozen=True)
class MixCommand:
    """Make token blocks of what `curate run` kept, in the mixture that the recipe wants."""

    recipe: str = option(REQUIRED, "a .yaml or .json file", positional=True, shows="RECIPE")
    out: str = option("runs/corpus", "folder of the run; tokens/ is made in it", shows="FOLDER")
    export: Literal["", "nanogpt", "megatron"] = option(
        "", "also write the blocks for this program, into a folder of its name"
    )


def main(c: MixCommand) -> None:
    from rich.console import Console

    from gptengine.curate.exporting import export
    from gptengine.curate.mixing import FOLDER, mix
    from gptengine.train.log import say

    console = Console(highlight=False)
    with Progress(console) as progress:
        mixture = mix(c.recipe, c.out, progress=Stages(progress).update)
    for line in mixture_lines(mixture):
        say(console, line)
    if c.export:
        written = export(Path(c.out) / FOLDER, Path(c.out) / c.export, c.export)
        say(console, f"exported {written}")
    say(console, f"report   {c.out}/report.html")
    say(console, next_line(c.recipe, c.out, mixture))
