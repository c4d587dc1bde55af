"""What several of the commands of `gptengine curate` show."""

from __future__ import annotations

from pathlib import Path


def share(text: str, wait: bool):
    """The Shard that --shard means."""
    from gptengine.curate.tasks import Shard

    if not text:
        if wait:
            raise ValueError("curate run: --wait has no effect without --shard")
        return Shard()
    return Shard.parse(text, wait)


def count(n: int, what: str) -> str:
    """1 task, 6 tasks."""
    return f"{n:,} {what}" + "s" * (n != 1)


def account_lines(report: dict) -> list[str]:
    """The account of a report, its reasons, and the mixture, if there is one."""
    from gptengine.report.curation import most_first

    lines = []
    for name, source in [*report["sources"].items(), ("all", report)]:
        a = source["account"]
        came = max(1, a["records"] + a["split"])
        lines.append(
            f"{name:8} {a['records']:,} records + {a['split']:,} by splitting = {a['kept']:,} "
            f"kept ({a['kept'] / came:.1%}) + {a['dropped']:,} dropped"
        )
    for reason, (documents, size) in most_first(report["reasons"]):
        lines.append(f"  {documents:9,}  {size / 1e6:9,.2f} MB  {reason}")
    if "mixed" in report:
        lines += mixture_lines(report["mixed"])
    return lines


def mixture_lines(mixture: dict) -> list[str]:
    lines = [
        f"mixture  {count(mixture['blocks'], 'block')} of {mixture['length']:,} tokens, "
        f"{mixture['tokens']:,} in all"
    ]
    if mixture["limited_by"]:
        lines[0] += f"; {mixture['limited_by']} decides about the size"
    for name, source in mixture["sources"].items():
        short = f", {source['shortfall']:,} blocks short" if source["shortfall"] else ""
        lines.append(
            f"  {name:20} wanted {source['wanted']:7.2%}  reached {source['reached']:7.2%}  "
            f"{source['epochs']:.2f} epochs{short}"
        )
    return lines


def next_line(recipe: str, out: str, mixture: dict | None) -> str:
    """The command that comes next: to mix what was kept, or to train on its mixture."""
    if not mixture:
        return f"next     gptengine curate mix {recipe} --out {out}"
    from gptengine.curate.mixing import FOLDER

    return f"next     gptengine pretrain {Path(out) / FOLDER} --context {mixture['length']}"


def check_run(folder: str) -> Path:
    """The report of a run's folder."""
    path = Path(folder) / "report.json"
    if not path.is_file():
        raise ValueError(f"{path}: no such file: `gptengine curate run` writes it")
    return path
