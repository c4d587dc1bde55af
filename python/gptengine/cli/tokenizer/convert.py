"""`gptengine tokenizer convert`: a tokenizer in another format, with the same ids."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

from gptengine.cli.tokenizer import show
from gptengine.options import REQUIRED, option
from gptengine.tokenizer import hugging_face, vocab_merges

EXAMPLES = """\
  gptengine tokenizer convert runs/tok tok.gguf
  gptengine tokenizer convert gpt2/vocab.json runs/gpt2
  gptengine tokenizer convert cl100k_base.tiktoken:cl100k cl100k.json \\
      --special-token "<|endoftext|>=100257\""""
LISTED = 6  # special tokens that are named


@dataclasses.dataclass(frozen=True)
class ConvertCommand:
    """Write a tokenizer in another format, or refuse what the format cannot say with the same ids.

    Read are tokenizer.json, vocab.json with merges.txt, tekken.json, tokenizer.model, .tiktoken,
    .gguf and codes of subword-nmt; written are a folder (tokenizer.json and
    tokenizer_config.json), .json, vocab.json with merges.txt, .tiktoken and .gguf.
    """

    source: str = option(REQUIRED, show.TOKENIZER, positional=True)
    target: str = option(REQUIRED, "folder, or a file by its suffix", positional=True)
    split: str = option("", "of a source that does not say it", shows=show.SPLITS)
    special_token: tuple[str, ...] = option(
        (),
        "a control token and its id, of a source that does not say them",
        shows="NAME=ID",
        repeated=True,
    )

    def __post_init__(self):
        special_ids(self.special_token)


def main(c: ConvertCommand) -> None:
    from rich.console import Console

    from gptengine.train.log import say

    show.check_out("tokenizer convert", c.target, "TARGET")
    check_not_itself(c.source, c.target)
    tok = show.load(c.source, c.split, special_ids(c.special_token) or None)
    tok.save(c.target)
    console = Console(highlight=False)
    for line in report(tok, c.target):
        say(console, line)


def special_ids(given: tuple[str, ...]) -> dict[str, int]:
    """The ids by name of NAME=ID."""
    ids = {}
    for text in given:
        name, _, i = text.rpartition("=")
        if not name or not i.isdecimal() or not i.isascii():
            raise ValueError(f"convert: --special-token {text!r:.80} is not NAME=ID")
        if name in ids:
            raise ValueError(f"convert: --special-token {name!r:.80} is given twice")
        ids[name] = int(i)
    return ids


def check_not_itself(source: str, target: str) -> None:
    """Refuse to write over the file that is read."""
    if source == "bytes":
        return
    file, path = show.found(source)[0], Path(target)
    path = path / hugging_face.TOKENIZER_FILE if path.is_dir() else path
    pair = (vocab_merges.VOCAB, vocab_merges.MERGES)
    if path.name in pair and file.name in pair:  # one is written with the other
        path = path.with_name(file.name)
    if path.exists() and path.samefile(file):
        raise ValueError(f"convert: {target} is what {source} is read from: give another TARGET")


def report(tok, target: str) -> list[str]:
    """What was written, what it has, and what to do with it."""
    specials = tok.special_tokens
    named = ", ".join(f"{show.clipped(n, 30)} {i}" for n, i in [*specials.items()][:LISTED])
    named += ", …" * (len(specials) > LISTED)
    lines = [
        f"saved    {target}",
        f"tokens   {tok.vocab_size:,}, split {tok._vocabulary.split}",
        f"special  {named or 'none'}",
    ]
    if tok._vocabulary.split != "words":  # which have one reading
        differ = len(tok.ambiguous_tokens())
        says = f"differ for {show.count(differ, 'token')}" if differ else "agree"
        lines.append(f"merges   by list and by id {says}")
    lines += show.not_said(tok, target)
    named = shlex.quote(show.name_of(tok, target))
    return [*lines, f"next     gptengine tokenizer inspect {named} 'a word or text'"]
