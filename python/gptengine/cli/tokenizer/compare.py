"""`gptengine tokenizer compare`: two tokenizers on the same text."""

from __future__ import annotations

import dataclasses

from gptengine.cli.tokenizer import show
from gptengine.options import ABSENT, REQUIRED, option

EXAMPLES = """\
  gptengine tokenizer compare runs/a runs/b "Die Hausaufgaben sind fertig."
  gptengine tokenizer compare runs/a gpt2/tokenizer.json --files german.txt --html cuts.html
  gptengine tokenizer compare runs/a bytes --files book.txt"""
ON_PAGE = 100  # differences that a page shows


@dataclasses.dataclass(frozen=True)
class CompareCommand:
    """Compare two tokenizers: tokens, bytes a token, fertility, where their cuts differ."""

    a: str = option(REQUIRED, f"a tokenizer: {show.TOKENIZER}", positional=True)
    b: str = option(REQUIRED, "another one", positional=True)
    text: str = option(ABSENT, "the text; - reads it from standard input", positional=True)
    files: tuple[str, ...] = option(
        (), "text files and folders: 8 MB in all, the first of each", shows="PATH"
    )
    specials: show.Specials = show.specials_option()
    examples: int = option(10, "how many of the most frequent differences to show")
    html: str = option("", "write a page with the differences to this file", shows="FILE")
    field: str = option("text", "what holds the text in a .jsonl line", shows="NAME")

    def __post_init__(self):
        if (self.text != ABSENT) == bool(self.files):
            raise ValueError("compare: give a text, or - for standard input, or --files")
        if self.examples < 0:
            raise ValueError(f"compare: --examples {self.examples} must be at least 0")


def main(c: CompareCommand) -> None:
    from rich.console import Console

    from gptengine.cli.tokenizer.corpus import first_texts
    from gptengine.data.documents import find_files
    from gptengine.tokenizer.compare import compare
    from gptengine.tokenizer.fertility import MOST
    from gptengine.tokenizer.inspect import tokens
    from gptengine.train.log import say

    console = Console(highlight=False)
    read = find_files(c.files) if c.files else []
    show.check_not_read("compare", c.html, "--html", read, [c.a, c.b])
    a, b = show.load(c.a), show.load(c.b)
    text = show.given_text(c.text)
    most = MOST // max(1, len(c.files))
    documents = [
        document
        for name in c.files
        for document in show.checked(name, [a, b], first_texts(name, c.field, most), c.specials)
    ]
    show.check_specials("compare", a, text, c.specials)
    show.check_specials("compare", b, text, c.specials)
    with console.status("comparing"):
        examples = max(c.examples, ON_PAGE if c.html else 0)
        found = compare(
            a, b, documents or [text], names=names(c), examples=examples, specials=c.specials
        )
    cut = {}
    if c.text != ABSENT:
        cut = {
            n: tokens(t, text, specials=c.specials) for n, t in zip(names(c), (a, b), strict=True)
        }
    for name, found_tokens in cut.items():
        say(console, f"{name}:")
        show.display(console, show.colored(console, found_tokens))
        console.print()
    for line in (show.table(("tokenizer", *show.FERTILITY[1:]), rows(found)), *summary(found)):
        say(console, line)
    if found.differences[: c.examples]:
        cells = (
            [f"{d.count:,}", show.colored(console, d.a), show.colored(console, d.b)]
            for d in found.differences[: c.examples]
        )
        console.print()
        show.display(console, differences(c, cells))
    if c.html:
        show.write_out(c.html, page(c, found, cut).encode())
        say(console, f"page     {c.html}")


def names(c: CompareCommand) -> tuple[str, str]:
    return ("a", "b") if c.a == c.b else (c.a, c.b)


def rows(found) -> list[tuple[str, ...]]:
    return [show.fertility_row(f) for f in (found.a, found.b)]


def summary(found) -> list[str]:
    """What two tokenizers share, a sentence a line."""
    o = found.overlap
    lines = [
        f"shared   {o.common:,} tokens ({o.share:.1%} of both), {o.same_id:,} with the same id; "
        f"{o.only_a:,} and {o.only_b:,} have no twin"
    ]
    if found.a.tokens and found.b.tokens:
        change = found.b.tokens / found.a.tokens - 1
        needs = (
            f"{abs(change):.1%} {'more' if change > 0 else 'fewer'} than"
            if change
            else "as many as"
        )
        lines.append(f"tokens   {found.b.name} needs {needs} {found.a.name}")
    if found.same is not None:
        lines.append(f"cuts     the same tokens for {found.same:.1%} of the bytes")
    return lines


def differences(c: CompareCommand, cells):
    from rich.table import Table

    out = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    out.add_column("times", justify="right")
    for name in names(c):
        out.add_column(name, overflow="fold")
    for row in cells:
        out.add_row(*row)
    return out


def page(c: CompareCommand, found, cut) -> str:
    """A page of a Comparison, and of the tokens of a text by the names of the tokenizers."""
    from gptengine.report import tokens as report

    cells = (
        [f"{d.count:,}", [*map(show.shown, d.a)], [*map(show.shown, d.b)]]
        for d in found.differences
    )
    texts = [
        part
        for name, tokens in cut.items()
        for part in (report.heading(name), report.tokens(map(show.shown, tokens)))
    ]
    return report.page(
        f"{c.a} and {c.b}",
        *texts,
        report.table(("tokenizer", *show.FERTILITY[1:]), rows(found)),
        *map(report.paragraph, summary(found)),
        report.heading("Where the cuts differ"),
        report.table(("times", *names(c)), cells),
    )
