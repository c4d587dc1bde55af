"""`gptengine tokenizer inspect`: the tokens of a text, the merges of a word, facts, fertility."""

from __future__ import annotations

import dataclasses
import math

from gptengine.cli.tokenizer import show
from gptengine.options import ABSENT, REQUIRED, option

EXAMPLES = """\
  gptengine tokenizer inspect runs/tok
  gptengine tokenizer inspect runs/tok Hausaufgaben
  gptengine tokenizer inspect runs/tok "What is a token?" --ids --html tokens.html
  gptengine tokenizer inspect runs/tok --files english.txt german.jsonl.gz"""
MOST_BYTES = 100_000  # of a text that is shown
ON_PAGE = 20_000  # bytes of a text that a page shows as tokens


@dataclasses.dataclass(frozen=True)
class InspectCommand:
    """Look at a tokenizer: what it knows, how it cuts a text, how many tokens languages cost."""

    tokenizer: str = option(REQUIRED, show.TOKENIZER, positional=True)
    text: str = option(ABSENT, "a word or text; - reads it from standard input", positional=True)
    files: tuple[str, ...] = option(
        (), "text files and folders: the first 8 MB of each count", shows="PATH"
    )
    ids: bool = option(False, "the id under each token")
    tree: bool = option(False, "the merges of every piece of the text; of one word always")
    specials: show.Specials = show.specials_option()
    html: str = option("", "write a page with the coloured tokens to this file", shows="FILE")
    longest: int = option(10, "how many of the longest tokens to show")
    field: str = option("text", "what holds the text in a .jsonl line", shows="NAME")

    def __post_init__(self):
        if self.html and self.text == ABSENT and not self.files:
            raise ValueError("inspect: --html shows tokens: give a text or --files too")
        if self.longest < 0:
            raise ValueError(f"inspect: --longest {self.longest} must be at least 0")


def main(c: InspectCommand) -> None:
    from rich.console import Console
    from rich.text import Text

    from gptengine.data.documents import find_files
    from gptengine.tokenizer import inspect
    from gptengine.train.log import say

    console = Console(highlight=False)
    read = find_files(c.files) if c.files else []  # what is not there is said before the work
    show.check_not_read("inspect", c.html, "--html", read, [c.tokenizer])
    tok = show.load(c.tokenizer)
    given, text = c.text != ABSENT, show.given_text(c.text)
    if len(text) > MOST_BYTES:
        raise ValueError(
            f"inspect: the text has {len(text):,} bytes, and at most {MOST_BYTES:,} are shown: "
            f"give a part of it, or its file to --files"
        )
    show.check_specials("inspect", tok, text, c.specials)
    tree = trees(tok, text, c.specials) if with_trees(c, text) else None  # refused before output
    tokens = inspect.tokens(tok, text, specials=c.specials)
    found = inspect.facts(tok, c.longest) if c.html or not (given or c.files) else None
    if not given and not c.files:
        show.display(console, show.facts_table(facts(found)))
    if given:
        show.display(console, (show.with_ids if c.ids else show.colored)(console, tokens))
        mean = show.number(len(text) / len(tokens) if tokens else math.nan)
        console.print(f"\n{counted(tokens, text)}, {mean} bytes a token")
        if behind := behind_space(tok, text, c.specials):
            line = Text("behind a space: ").append_text(show.colored(console, behind))
            show.display(console, line.append(f", {show.count(len(behind), 'token')}"))
        if tree:
            console.print()
            show.display(console, tree)
    rows = [show.fertility_row(f) for f in fertilities(console, tok, c)]
    if rows:
        say(console, "\n" * given + show.table(show.FERTILITY, rows))
    if c.html:
        write_page(c, tok, text, tokens, found, rows)
        say(console, f"page     {c.html}")


def counted(tokens, text: bytes) -> str:
    return f"{show.count(len(tokens), 'token')}, {show.count(len(text), 'byte')}"


def behind_space(tok, text: bytes, specials: str) -> list:
    """The tokens of a word as it stands inside of a text, where a space changes them."""
    from gptengine.tokenizer import inspect

    alone = text.split() == [text] and tok._vocabulary.split != "words" and not tok._core.prefixed
    return inspect.tokens(tok, b" " + text, specials=specials) if alone else []


def with_trees(c: InspectCommand, text: bytes) -> bool:
    return c.tree or len(text.split()) == 1


def trees(tok, text: bytes, specials: str):
    """The trees of the merges, with an empty line between pieces."""
    from rich.console import Group

    from gptengine.tokenizer.inspect import merge_trees

    found = []
    for nodes in merge_trees(tok, text, specials=specials):
        found += [""] * bool(found) + [show.tree(node) for node in nodes]
    return Group(*found)


def facts(found) -> list[tuple[str, object]]:
    """Facts about a vocabulary as rows of a table."""
    from gptengine.tokenizer.inspect import visible

    specials = ", ".join(f"{visible(n.encode())} {i}" for n, i in found.special_tokens.items())
    rows = [
        ("tokens", f"{found.vocab_size:,}"),
        ("merges", f"{found.merges:,}"),
        ("split", found.split),
        ("mode", found.mode),
        ("special tokens", specials or "none"),
    ]
    differ = ", ".join(map(str, found.ambiguous[:5]))
    says = f"differ for {show.count(len(found.ambiguous), 'token')}: id {differ}"
    says += " …" * (len(found.ambiguous) > 5)
    rows.append(("merges by list and by id", says if differ else "agree"))
    longest = [token for token in found.longest if len(token.bytes) > 1]
    for i, token in enumerate(longest):
        size = show.count(len(token.bytes), "byte")
        says = f"{show.clipped(visible(token.bytes), 28)}  id {token.id}, {size}"
        rows.append(("" if i else "longest tokens", says))
    return rows


def fertilities(console, tok, c: InspectCommand):
    """Fertility by file or folder."""
    from gptengine.cli.tokenizer.corpus import first_texts
    from gptengine.tokenizer.fertility import fertility

    found = []
    if not c.files:
        return found
    with console.status("reading") as status:
        for name, short in zip(c.files, show.short_names(c.files), strict=True):
            status.update(f"reading {name}")
            texts = show.checked(name, [tok], first_texts(name, c.field), c.specials)
            found.append(fertility(tok, texts, name=short, specials=c.specials))
    return found


def write_page(c: InspectCommand, tok, text: bytes, tokens, found, rows) -> None:
    from gptengine.cli.tokenizer.corpus import first_texts
    from gptengine.report import tokens as report
    from gptengine.tokenizer import inspect

    parts = []
    if c.text != ABSENT:
        parts += [report.paragraph(counted(tokens, text))]
        parts += [report.tokens(map(show.shown, tokens))]
        if with_trees(c, text):
            plain = show.plain(trees(tok, text, c.specials))
            parts += [report.heading("Merges"), report.frame(plain)]
    for name in c.files:
        start = b"\n\n".join(first_texts(name, c.field, ON_PAGE))
        tokens = inspect.tokens(tok, start, specials=c.specials)
        parts += [report.heading(name), report.tokens(map(show.shown, tokens))]
    if rows:
        parts += [report.heading("Fertility"), report.table(show.FERTILITY, rows)]
    parts += [report.heading("Vocabulary"), report.table(("", ""), facts(found))]
    show.write_out(c.html, report.page(f"Tokens of {c.tokenizer}", *parts).encode())
