"""How the commands of `gptengine tokenizer` find a tokenizer and show tokens, trees and numbers."""

from __future__ import annotations

import math
from pathlib import Path

from gptengine.report.tokens import Shown

COLORS = ("bright_cyan", "bright_yellow", "bright_green", "bright_magenta")
STYLES = tuple(f"black on {color}" for color in COLORS)  # the terminal's own: in all of them
SPECIAL = "bold underline"
WIDEST = 28  # characters of a cell
CUT = "|"  # between tokens where there are no colours


TOKENIZER = "its file or folder, a model's, or: bytes; for ranks with their split: x.tiktoken:gpt2"


def load(path: str):
    """The tokenizer of a file or folder, of a model, of a run; or the name "bytes"."""
    from gptengine.checkpoint import find_model_folder
    from gptengine.tokenizer import Tokenizer
    from gptengine.train.log import warn

    if path == "bytes":
        return Tokenizer.bytes()
    name, said, split = path.partition(".tiktoken:")
    if said:
        file = f"{name}.tiktoken"
        tok = Tokenizer.load(file, split=split, special_tokens={})
        warn(f"note: {file} does not say its special tokens: here it has none")
        return tok
    if path.endswith(".tiktoken") and Path(path).is_file():
        raise ValueError(f"{path}: such a file does not say its split: give it as {path}:gpt2")
    folder = Path(path)
    if folder.is_dir() and not (folder / "tokenizer.json").exists() and (folder / "data").is_dir():
        return Tokenizer.load(find_model_folder(path))
    return Tokenizer.load(path)


def given_text(command: str, text: str, file: str) -> bytes | None:
    """The bytes of a text from the command line, of a file, or of standard input (-)."""
    import os
    import sys

    if file and text:
        raise ValueError(f"{command}: give a text or --file {file}, not both")
    if file:
        return Path(file).read_bytes()
    return sys.stdin.buffer.read() if text == "-" else os.fsencode(text)


def colored(console, tokens):
    """Tokens on backgrounds that alternate; with bars between them where there are no colours."""
    from rich.text import Text

    from gptengine.tokenizer.inspect import visible

    plain = console.color_system is None
    line = Text(no_wrap=False, overflow="fold")
    for i, token in enumerate(tokens):
        if plain and i and not line.plain.endswith("\n"):
            line.append(CUT)
        style = STYLES[i % len(STYLES)] + (f" {SPECIAL}" if token.special else "")
        line.append(visible(token.bytes), style)
        if b"\n" in token.bytes:
            line.append("\n")
    line.rstrip()
    return line


def with_ids(console, tokens):
    """Tokens in rows that fit the console, and under each its id."""
    from rich.cells import cell_len
    from rich.text import Text

    from gptengine.tokenizer.inspect import visible

    rows, upper, lower = [], Text(), Text()

    def end_row():
        rows.extend([upper, lower, Text()])
        return Text(), Text()

    for i, token in enumerate(tokens):
        text, number = visible(token.bytes), str(token.id)
        width = max(cell_len(text), len(number))
        if upper and cell_len(upper.plain) + width > console.width:
            upper, lower = end_row()
        style = STYLES[i % len(STYLES)] + (f" {SPECIAL}" if token.special else "")
        upper.append(text, style)
        upper.append(" " * (width + 1 - cell_len(text)))
        lower.append(f"{number:{width}} ", "dim")
        if b"\n" in token.bytes:
            upper, lower = end_row()
    if upper:
        end_row()
    return Text("\n").join(rows[:-1])


def tree(node):
    """A token and the merges under it as a tree of rich."""
    from rich.text import Text
    from rich.tree import Tree

    from gptengine.tokenizer.inspect import visible

    def label(node):
        text = Text(visible(node.bytes), "bold")
        text.append(f"  id {node.id}", "dim")
        if node.rank is not None:
            text.append(f"  merge {node.rank:,}", "cyan")
        return text

    root = Tree(label(node))
    waiting = [(root, node)]
    while waiting:  # a tree of merges can be deeper than Python likes to call
        branch, node = waiting.pop()
        if node.left:
            waiting += [(branch.add(label(child)), child) for child in (node.left, node.right)]
    return root


def shown(token) -> Shown:
    """A token as a page shows it."""
    from gptengine.tokenizer.inspect import visible

    hover = f"id {token.id}\n{count(len(token.bytes), 'byte')}: {token.bytes[:64].hex(' ')}"
    hover += "" if token.rank is None else f"\nmerge {token.rank:,}"
    hover += "\nspecial token" if token.special else ""
    return Shown(visible(token.bytes), hover, token.special, b"\n" in token.bytes)


FERTILITY = ("text", "bytes", "tokens", "bytes/token", "tokens/word", "whole words", "tokens used")


def fertility_row(f) -> tuple[str, ...]:
    numbers = (number(f.bytes_per_token), number(f.tokens_per_word), share(f.whole))
    return (f.name, f"{f.bytes:,}", f"{f.tokens:,}", *numbers, f"{f.used:,}")


def short_names(names) -> list[str]:
    """Paths by their last part, where that tells them apart."""
    last = [Path(name).name for name in names]
    return last if len(set(last)) == len(last) and all(last) else [*names]


def table(header, rows) -> str:
    """Lines of a table: the first column is text, the others are numbers."""
    rows = [[clipped(cell, WIDEST) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))
        lines.append("  ".join([f"{first:{widths[0]}}", *cells]).rstrip())
    return "\n".join(lines)


def facts_table(rows):
    """Names and what there is to say of them."""
    from rich.table import Table
    from rich.text import Text

    out = Table(box=None, pad_edge=False, show_header=False)
    out.add_column(no_wrap=True, style="cyan")
    out.add_column(overflow="fold")
    for name, says in rows:
        out.add_row(name, Text(says))
    return out


def number(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "-"


def share(value: float) -> str:
    return f"{value:.1%}" if math.isfinite(value) else "-"


def count(n: int, thing: str) -> str:
    return f"{n:,} {thing}" + "s" * (n != 1)


def clipped(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
