"""The report card of a quickstart: what was learnt, how fast, in what time; shown and saved."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from gptengine import _core
from gptengine.files import atomic_write, read_log
from gptengine.report.plot import loss_curves, sparkline, svg

LINKS = ("plot", "texts")  # rows that the file has as links
TEXTS = "text"  # the folder of the curation, in that of the run
CURVES = {"loss": "training", "val_loss": "held out"}


@dataclasses.dataclass(frozen=True)
class Card:
    """Rows of (name, text); losses for the sparkline; the first and the last samples."""

    rows: list[tuple[str, str]]
    curves: list
    before: str
    after: list[str]


def collect(out: Path, plan: dict, run, texts: list[str]) -> Card:
    """The card of a finished run, from its log, its plan and what it wrote at the end."""
    records = read_log(out / "run.jsonl")
    steps = [r for r in records if "tokens_per_second" in r]
    measured = [r for r in steps if r["mfu"]]
    rates = [r["tokens_per_second"] for r in measured]
    # the peak in tokens/s; the highest, should it have turned out higher during the run
    peak = max((r["tokens_per_second"] / r["mfu"] for r in measured), default=0)
    samples = [r["sample"] for r in records if "sample" in r]
    seconds = {**plan["seconds"], "training": round(run.seconds, 1)}
    tokens = max(r["tokens"] for r in steps)
    rows = [
        ("held-out text", f"{run.val_bpb:.3f} bits a byte (xz -6: {plan['xz_bpb']:.3f})"),
        ("training", f"{tokens:,} tokens in {run.steps:,} steps"),
        ("speed", f"{tokens / run.seconds:,.0f} tokens/s"),
        ("share of peak", f"{sum(rates) / len(rates) / peak:.0%}" if peak else "not measured"),
        ("memory", f"{max(r['memory'] for r in steps) / 1e6:,.0f} MB"),
        ("seconds", ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())),
        ("machine", f"{_core.cpu_name()}, {_core.threads()} threads, {_core.isa()}"),
        ("model", str(run.best)),
        ("texts", str(out / TEXTS / "report.html")),
        ("plot", str(out / "loss.svg")),
    ]
    before = samples[0] if samples else ""
    return Card(rows, loss_curves(records, CURVES), before, texts)


def save(out: Path, card: Card) -> None:
    """Write `loss.svg` and `report.md`."""
    rows = dict(card.rows)
    picture = svg(
        card.curves,
        title="A GPT learns to write like Python's documentation",
        subtitle=f"{rows['training']}, {rows['speed']}; held out {rows['held-out text']}",
        y_name="loss (nats a token)",
    )
    atomic_write(out / "loss.svg", picture.encode())
    lines = ["# Quickstart", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {text} |" for name, text in card.rows if name not in LINKS]
    lines += ["", f"[What became of the texts]({TEXTS}/report.html)"]
    lines += ["", "![loss](loss.svg)", "", "The model's first sample:", "", *_quoted(card.before)]
    for text in card.after:
        lines += ["", "And at the end:", "", *_quoted(text)]
    atomic_write(out / "report.md", ("\n".join(lines) + "\n").encode())


def _quoted(text: str) -> list[str]:
    return ["    " + line for line in text.splitlines()]  # indented: shown as it is


def show(card: Card, console) -> None:
    """Print the card."""
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for curve in card.curves:
        line = f"{curve.y[0]:.2f} {sparkline(curve.y)} {curve.y[-1]:.2f}"
        table.add_row(f"{curve.name} loss", Text(f"{line} nats a token"))
    for name, text in card.rows:
        table.add_row(name, Text(text.replace(os.path.expanduser("~"), "~")))
    console.print(Panel(table, title="report card", title_align="left"))
