"""`gptengine curate report`: a run's account again, its page, or what changed between two."""

from __future__ import annotations

import dataclasses

from gptengine.cli.curate.show import account_lines, check_run
from gptengine.files import atomic_write, read_json
from gptengine.options import REQUIRED, option

EXAMPLES = """\
  gptengine curate report runs/corpus
  gptengine curate report runs/corpus --html page.html
  gptengine curate report runs/corpus --diff runs/before"""


@dataclasses.dataclass(frozen=True)
class ReportCommand:
    """Show what a run kept and dropped."""

    folder: str = option(REQUIRED, "of a run", positional=True)
    html: str = option("", "write the page there too", shows="FILE")
    diff: str = option("", "another run's folder: show what differs from it", shows="FOLDER")


def main(c: ReportCommand) -> None:
    from gptengine.report.curation import page_of
    from gptengine.report.curation_diff import differences

    report = read_json(check_run(c.folder))
    if c.html:
        atomic_write(c.html, page_of(report).encode("utf-8", "replace"))
    if not c.diff:
        for line in account_lines(report):
            print(line)
        return
    changed = differences(read_json(check_run(c.diff)), report)
    for what, before, after in changed:
        print(f"{before:10,} -> {after:10,}  {after - before:+,}  {what}")
    if not changed:
        print("the same counts")
