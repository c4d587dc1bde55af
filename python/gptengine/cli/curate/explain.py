"""`gptengine curate explain`: one document's way through all rules."""

from __future__ import annotations

import dataclasses

from gptengine.options import REQUIRED, option

EXAMPLES = """\
  gptengine curate explain runs/corpus --id 0a1b2c3d4e5f60718293a4b5c6d7e8f9
  gptengine curate explain runs/corpus --id 'crawl-1.jsonl.gz line 17'   # lost in reading"""


@dataclasses.dataclass(frozen=True)
class ExplainCommand:
    """Show every rule's value for one document, and what became of it."""

    folder: str = option(REQUIRED, "of a run", positional=True)
    id: str = option(
        REQUIRED,
        "of the document, or the place of a lost record: report.html and documents/ have them",
        shows="ID",
    )


def main(c: ExplainCommand) -> None:
    from gptengine.curate.explaining import explain

    found = explain(c.folder, c.id)
    for name in ("id", "source", "url", "where", "note", "language", "licence"):
        if found.get(name):
            print(f"{name:8} {found[name]}")
    for check in found["checks"]:
        print(rule_line(check))
    for what, times in found["changes"].items():
        print(f"  change {what:40} {times:,}")
    print(f"outcome  {found['outcome']}")
    if "keeper" in found:
        print(f"kept     {found['keeper']}, {found['like']}")
    if "document" in found:
        print(f"text     {' '.join(found['document'].split())}")


def rule_line(check: dict) -> str:
    limits = [f"{word} {check[word]:g}" for word in ("least", "most") if word in check]
    mark = "pass" if check["passed"] else "FAIL"
    note = f"  {check['note']}" if check.get("note") else ""
    return f"  {mark}   {check['reason']:40} {check['value']:<10.4g} {', '.join(limits)}{note}"
