"""`gptengine tokenizer train`: text in, a vocabulary out, measured on text that it did not see."""

from __future__ import annotations

import dataclasses
import resource
import shlex
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Literal

from gptengine.cli.tokenizer import show
from gptengine.cli.tokenizer.corpus import Source
from gptengine.cli.tokenizer.progress import Progress, time_left
from gptengine.files import folder_in_use
from gptengine.options import REQUIRED, option

EXAMPLES = """\
  gptengine tokenizer train book.txt --vocab-size 8192 --out runs/tok
  gptengine tokenizer train novels-en.jsonl.gz novels-de.jsonl.gz --vocab-size 32768 --out runs/tok
  zcat book.txt.gz | gptengine tokenizer train - --out runs/tok
  gptengine tokenizer train chats/ --special-tokens "<|user|>" "<|bot|>" --out chat.json
  gptengine tokenizer train more/ --base runs/tok --vocab-size 16384 --out runs/larger"""
SHOWN = 12  # of the longest and of the most frequent tokens


@dataclasses.dataclass(frozen=True)
class TrainCommand:
    """Learn a vocabulary from text files, .jsonl files, .gz of both, and folders.

    Of a folder, files that end in .txt, .jsonl and .gz of both are read.
    """

    data: tuple[str, ...] = option(
        REQUIRED,
        "text files and folders, pipes of plain text; - reads it from standard input",
        positional=True,
        shows="PATH",
    )
    out: str = option(
        "runs/tokenizer", "folder, or a file by its suffix, such as tok.json", shows="PATH"
    )
    vocab_size: int = option(8192, "tokens of the vocabulary, special ones included")
    split: str = option(
        "",
        "what cuts the text into pieces, as these models do it; words: at white space, where "
        "unknown letters become <unk>; or rules of your own, which no other program reads: "
        "'rules:L+|N{1,3}|...', letters L N S O ..., see gptengine.tokenizer.splits.rules "
        "(default: gpt2, or that of --base)",
        shows=show.SPLITS,
    )
    special_tokens: tuple[str, ...] = option(
        ("<|endoftext|>",), "control tokens, which no other token crosses", shows="NAME"
    )
    min_frequency: int = option(2, "rarer pairs are not merged")
    max_token_length: int = option(0, "in bytes (0: any)")
    ties: Literal["huggingface", "bytes"] = option(
        "huggingface", "which of equally frequent pairs comes first: as in tokenizers, or by id"
    )
    memory: str = option("1GiB", "for what is counted and learned from", shows="SIZE")
    base: str = option("", "a tokenizer to continue: its tokens keep their ids", shows="TOKENIZER")
    held_out: float = option(0.01, "share of the text that is kept to measure on")
    field: str = option("text", "what holds the text in a .jsonl line", shows="NAME")

    def __post_init__(self):
        if not self.data:
            raise ValueError("tokenizer train: no data: give text files or folders")
        if not 0 <= self.held_out <= 0.5:
            raise ValueError(f"tokenizer train: --held-out {self.held_out} must be from 0 to 0.5")


def main(c: TrainCommand) -> None:
    from rich.console import Console

    from gptengine.tokenizer import Tokenizer
    from gptengine.train.log import say, warn

    console = Console(highlight=False)
    options = settings(c)
    with console.status("reading"):  # a pipe takes as long as what comes through it
        sources = [Source(name, c.field, c.held_out) for name in c.data]
    with folder_in_use(Path(c.out).parent):
        rehearse(c.out, options)
        say(console, plan(c, sources, options) + replaced(c.out))
        for source in sources:
            for warning in source.warnings():
                warn(f"warning: {warning}")
        start = time.perf_counter()
        texts = (text for source in sources for text in source.to_learn_from())
        with Progress(console) as progress:
            phases = Phases(progress, sum(s.size for s in sources))
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                tok = Tokenizer.train(texts, progress=phases.update, **options)
        seconds = time.perf_counter() - start
        for warning in said:
            warn(f"warning: {warning.message}")
        tok.save(c.out)
    report(console, c, tok, sources, seconds)


def settings(c: TrainCommand) -> dict:
    """The arguments of Tokenizer.train."""
    base = show.load(c.base) if c.base else None
    return dict(
        vocab_size=c.vocab_size,
        split=c.split or (base._vocabulary.split if base else "gpt2"),
        special_tokens=c.special_tokens,
        min_frequency=c.min_frequency,
        max_token_length=c.max_token_length or None,
        ties=c.ties,
        base=base,
        memory=c.memory,
    )


def rehearse(out: str, options: dict) -> None:
    """Train on nearly nothing and save that elsewhere: what is refused is refused before work."""
    from gptengine.tokenizer import Tokenizer

    path = Path(out)
    show.check_out("tokenizer train", out, "--out")
    tok = Tokenizer.train("a", **options)
    with tempfile.TemporaryDirectory() as folder:
        rehearsed = Path(folder) / path.name
        if path.is_dir():
            rehearsed.mkdir()
        try:
            tok.save(rehearsed)
        except ValueError as error:
            raise ValueError(str(error).replace(str(rehearsed), out)) from None
        if rehearsed.is_dir() and path.is_file():
            raise ValueError(f"{out}: a file stands where a folder should be: choose another --out")


def plan(c: TrainCommand, sources, options: dict) -> str:
    from gptengine import _core

    files, size = sum(len(s.files) for s in sources), sum(s.size for s in sources)
    about = "about " if any(s.packed for s in sources) else ""
    text = f"{about}{size / 1e6:,.1f} MB" if size > 1e5 else f"{about}{size:,} bytes"
    base = f", on from {c.base}" if c.base else ""
    return (
        f"plan     {show.count(files, 'file')}, {text}; {c.vocab_size:,} tokens, split "
        f"{options['split']}{base}; {show.count(_core.threads(), 'thread')}, at most {c.memory} "
        f"beside the text"
    )


def replaced(out: str) -> str:
    """A line of the plan about the tokenizer whose place the new one takes, if there is one."""
    from gptengine.tokenizer import Tokenizer

    if not Path(out).exists():
        return ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            size = Tokenizer.load(out).vocab_size
            return f"\nnote     replaces {out}, a tokenizer of {size:,} tokens"
        except ValueError:  # a folder without one, or ranks that do not say their split
            return f"\nnote     replaces {out}" if Path(out).is_file() else ""


class Phases:
    """What Tokenizer.train tells of its work, as lines of progress."""

    def __init__(self, progress, size: int):
        self.progress, self.size, self.phase, self.begin = progress, size, "", time.perf_counter()

    def update(self, phase: str, done: int, total: int | None) -> None:
        """What Tokenizer.train calls."""
        now = time.perf_counter()
        if phase == "merge" != self.phase:
            self.phase, self.begin = phase, now
        self.progress.show(lambda: self.line(phase, done, total, now - self.begin))

    def line(self, phase: str, done: int, total: int | None, seconds: float) -> str:
        if phase == "count":
            total = max(self.size, done)
            text = f"counting {done / 1e6:,.0f} of {total / 1e6:,.0f} MB"
        else:  # the first merges take longer than the others
            total = max(total or 0, done)
            text = f"merging  {done:,} of {total:,}"
        return text + time_left(seconds, done, total)


def report(console, c: TrainCommand, tok, sources, seconds: float) -> None:
    """What was learned, on how much, and what it is worth on text that was held out."""
    import numpy as np

    from gptengine.tokenizer.fertility import fertility
    from gptengine.tokenizer.inspect import longest_tokens
    from gptengine.train.log import say

    learned = tok.training_report
    say(
        console,
        f"learned  {tok.vocab_size:,} tokens from {learned.bytes:,} bytes "
        f"({show.count(learned.documents, 'text')}, {learned.words:,} distinct pieces) in "
        f"{seconds:.1f} s; peak memory of the process {peak_memory() / 1e6:,.0f} MB",
    )
    if tok.vocab_size < c.vocab_size:
        say(
            console,
            f"note     not the {c.vocab_size:,} of --vocab-size: no pair is left that occurs "
            f"{show.count(c.min_frequency, 'time')}"
            + " within --max-token-length" * bool(c.max_token_length)
            + " in this text",
        )
    names = show.short_names(c.data)
    found = [
        fertility(tok, s.to_measure_on(), name=name, specials="allow")
        for s, name in zip(sources, names, strict=True)
    ]
    uses = sum(f.uses for f in found)
    often = [i for i in np.argsort(-uses, kind="stable")[:SHOWN].tolist() if uses[i]]
    say(
        console,
        f"longest  {quoted(t.bytes for t in longest_tokens(tok, SHOWN) if t.rank is not None)}",
    )
    say(console, f"often    {quoted(map(tok.token_bytes, often))}")
    say(console, "")
    where = "held-out text" if all(s.held_bytes for s in sources) else "same text"
    say(console, show.table((where, *show.FERTILITY[1:]), map(show.fertility_row, found)))
    say(console, f"\nsaved    {c.out}")
    saved = show.name_of(tok, c.out)
    for note in show.not_said(tok, c.out):
        say(console, note)
    say(console, f"next     gptengine tokenizer inspect {shlex.quote(saved)} 'a word or text'")
    if saved == c.out and not any(s.copy for s in sources):  # pretrain reads files, of known split
        field = ["--field", c.field] * (c.field != "text")
        words = ["gptengine", "pretrain", *c.data, "--tokenizer", c.out, *field]
        say(console, f"         {shlex.join(words)}")


def quoted(tokens) -> str:
    return "  ".join(show.short(token, 30) for token in tokens)


def peak_memory() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
