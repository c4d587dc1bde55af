"""How the commands of `gptengine tokenizer` find a tokenizer and show tokens, trees and numbers."""

from __future__ import annotations

import io
import math
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from gptengine.files import atomic_write, descriptor_of, folder_in_use
from gptengine.options import ABSENT, option
from gptengine.report.tokens import Shown
from gptengine.tokenizer import splits, tiktoken_file, vocab_merges
from gptengine.tokenizer.vocabulary import END_OF_TEXT

COLORS = ("bright_cyan", "bright_yellow", "bright_green", "bright_magenta")
STYLES = tuple(f"black on {color}" for color in COLORS)  # the terminal's own: in all of them
SPECIAL = "bold underline"
WIDEST = 28  # characters of a cell
CONFIG = ("eos_token", "bos_token", "chat_template")  # what tokenizer_config.json alone says
CUT = "|"  # between tokens where there are no colours
SPLITS = f"{{{','.join(splits.NAMES)}}}"
TOKENIZER = "its file or folder, a model's, or: bytes; for ranks with their split: x.tiktoken:gpt2"


Specials = Literal["refuse", "text", "allow"]


def specials_option():
    """The flag --specials, with one meaning and default for all commands."""
    return option(
        "refuse", "the name of a control token in the text: an error, text, or that token"
    )


def check_specials(where: str, tok, text: bytes, specials: str, of: str = "") -> None:
    """Refuse the name of a special token in a text where --specials does."""
    if specials == "refuse" and (found := tok._core.find_specials(text, 1).tolist()):
        start, _, i = found
        raise ValueError(
            f"{where}: the special token {tok.token_bytes(i).decode()} stands at byte {start}{of}: "
            f"give --specials text to take it as text, or --specials allow as that token"
        )


def checked(where: str, toks, texts: Iterable[bytes], specials: str) -> Iterator[bytes]:
    """The documents of a file, as check_specials() allows them to each tokenizer."""
    for number, text in enumerate(texts, 1):
        for tok in toks:
            check_specials(where, tok, text, specials, f" of document {number}")
        yield text


def load(path: str, split: str = "", special_tokens: dict[str, int] | None = None):
    """The tokenizer of a file or folder, of a model, of a run; or the name "bytes".

    split and special_tokens (ids by name) are for files that do not say them.
    """
    from gptengine.tokenizer import Tokenizer
    from gptengine.train.log import warn

    if path == "bytes":
        if split or special_tokens:
            raise ValueError("bytes: this tokenizer has its own split and special tokens")
        return Tokenizer.bytes()
    file, split = found(path, split)
    ranks = file.suffix == tiktoken_file.SUFFIX
    if ranks and not split:
        raise ValueError(
            f"{file}: such a file does not say its split: give it as {file}:gpt2, or with another "
            f"of {', '.join(splits.NAMES[:-1])}"
        )
    specials = {} if ranks and special_tokens is None else special_tokens
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        tok = Tokenizer.load(file, split=split, special_tokens=specials)
    for warning in said:
        warn(f"warning: {warning.message}")
    if ranks and special_tokens is None:
        warn(
            f"note: {file} does not say its special tokens: here it has none; tokenizer convert "
            f"--special-token NAME=ID writes a file that has them"
        )
    return tok


def found(path: str, split: str = "") -> tuple[Path, str | None]:
    """The file that `path` means, and the split, if it is given or stands behind ranks."""
    from gptengine.checkpoint import find_model_folder
    from gptengine.tokenizer import formats

    folder = Path(path)
    run = path and not (folder / "tokenizer.json").exists() and (folder / "data").is_dir()
    return formats.named(find_model_folder(path) if run else path, split or None)


def check_out(command: str, out: str, name: str) -> None:
    """Refuse to write a tokenizer nowhere, or where another belongs to a model or token shards."""
    if not out:
        raise ValueError(f"{command}: {name} is empty: give a file or a folder (. is this folder)")
    for file, what in (("config.json", "a model"), ("sources.json", "token shards")):
        if (Path(out) / file).exists():
            raise ValueError(
                f"{command}: {out} holds {what} made with its own tokenizer: give another {name}"
            )


def check_not_read(command: str, out: str, name: str, files=(), tokenizers=()) -> None:
    """Refuse to write over a file that the command reads, or a tokenizer that it uses."""
    used = [found(path)[0] for path in tokenizers if path != "bytes"]
    for those, what in ((files, "the file to read"), (used, "the tokenizer in use")):
        for file in map(Path, those):
            if out and file.is_file() and Path(out).exists() and file.samefile(out):
                raise ValueError(f"{command}: {name} is {what}, {file}: choose another {name}")


def not_said(tok, path: str) -> list[str]:
    """Notes on what a file that was written does not say of its tokenizer."""
    if path.endswith(tiktoken_file.SUFFIX):
        lost = "its special tokens" if tok.special_tokens else "that it has no special tokens"
        return [f"note     {path} says neither its split nor {lost}: keep them"]
    lost = [key for key in CONFIG if tok.config.get(key) not in (None, END_OF_TEXT)]
    if lost and path.endswith(".json") and Path(path).name != vocab_merges.VOCAB:
        return [f"note     {path} does not say {', '.join(lost)}: a folder does"]
    return []


def name_of(tok, path: str) -> str:
    """How the commands name a tokenizer that was saved there: ranks with their split."""
    return f"{path}:{tok._vocabulary.split}" if path.endswith(tiktoken_file.SUFFIX) else path


def given_text(text: str) -> bytes:
    """The bytes of a text from the command line, or of standard input (-); none of no text."""
    if text == "-":
        return sys.stdin.buffer.read()
    return b"" if text == ABSENT else os.fsencode(text)


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


def plain(renderable) -> str:
    """What rich would print without colours, on lines of any length."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=1000, color_system=None)
    console.print(renderable)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def display(console, renderable) -> None:
    """Print for whoever watches; into a pipe or file without the spaces that end lines."""
    from gptengine.train.log import say

    if console.is_terminal:
        console.print(renderable)
    else:
        say(console, plain(renderable))


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


def write_out(path: str, content) -> None:
    """Write a file as atomic_write() does, and make its folder."""
    with folder_in_use(Path(path).parent):
        atomic_write(path, content)


def say_written(n: int, out: str) -> None:
    """How many tokens are in a file, unless that is standard output."""
    if descriptor_of(out) != 1:
        print(f"{count(n, 'token')}: {out}")


def short(token: bytes, most: int) -> str:
    """A token to read; where there is not the room for it, its beginning and its size."""
    from gptengine.tokenizer.inspect import visible

    text = visible(token)
    return text if len(text) <= most else f"{clipped(text, most)} ({count(len(token), 'byte')})"


def clipped(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
