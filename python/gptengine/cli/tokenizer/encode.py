"""`gptengine tokenizer encode`: text in, token ids out."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from pathlib import Path
from typing import Literal

from gptengine.cli.tokenizer import show
from gptengine.files import atomic_write
from gptengine.options import REQUIRED, option

EXAMPLES = """\
  gptengine tokenizer encode runs/tok "Die Hausaufgaben"
  gptengine tokenizer encode runs/tok "Die Hausaufgaben" --offsets
  cat book.txt | gptengine tokenizer encode runs/tok - --format json
  gptengine tokenizer encode runs/tok --file book.txt --out book.bin"""
SUFFIXES = {".npy": "npy", ".bin": "bin", ".json": "json"}
CHUNK = 1 << 16  # ids that are written at a time


@dataclasses.dataclass(frozen=True)
class EncodeCommand:
    """Turn text into token ids."""

    tokenizer: str = option(REQUIRED, show.TOKENIZER, positional=True)
    text: str = option("", "the text; - reads it from standard input", positional=True)
    file: str = option("", "a file with the text", shows="FILE")
    out: str = option("", "file to write (default: standard output)", shows="FILE")
    format: Literal["auto", "ids", "json", "npy", "bin"] = option(
        "auto",
        "ids: numbers in a line; bin: 16 bits an id (32 for more than 65,536 tokens); "
        "auto: by the suffix of --out, else ids",
    )
    specials: Literal["refuse", "text", "allow"] = option(
        "refuse", "the name of a control token in the text: an error, text, or that token"
    )
    offsets: bool = option(False, "also the bytes of the text that each token stands for")

    def __post_init__(self):
        if not self.text and not self.file:
            raise ValueError("encode: no text: give it, or - for standard input, or --file")


def main(c: EncodeCommand) -> None:
    kind = c.format
    if kind == "auto":
        kind = next((k for suffix, k in SUFFIXES.items() if c.out.endswith(suffix)), "ids")
    if c.offsets and kind not in ("ids", "json"):
        raise ValueError(f"encode: --offsets goes with the formats ids and json, not with {kind}")
    if kind in ("npy", "bin") and not c.out and sys.stdout.isatty():
        raise ValueError(f"encode: {kind} is no text for a terminal: give --out")
    if c.file:
        check_file(c.file, c.out)
    tok = show.load(c.tokenizer)
    if kind == "bin" and c.file and c.out and not c.text:
        count, dtype = tok.encode_file(c.file, c.out, specials=c.specials)
        print(f"{show.count(count, 'token')}, {dtype.name}: {c.out}")
        return
    text = show.given_text("encode", c.text, c.file)
    if c.offsets:
        ids, offsets = tok.encode_with_offsets(text, specials=c.specials)
    else:
        ids, offsets = tok.encode(text, specials=c.specials), None
    if not c.out:
        sys.stdout.flush()
        write(sys.stdout.buffer, kind, tok, ids, offsets)
        sys.stdout.buffer.flush()
        return
    atomic_write(c.out, lambda file: write(file, kind, tok, ids, offsets))
    print(f"{show.count(len(ids), 'token')}: {c.out}")


def check_file(name: str, out: str) -> None:
    """Refuse a file that is packed or JSON, or is to be written over; say where it is no text."""
    from gptengine.cli.tokenizer.corpus import STRANGE
    from gptengine.data.documents import share_not_text
    from gptengine.train.log import warn

    path = Path(name)
    if path.name.endswith((".gz", ".jsonl")):
        what = "packed" if path.suffix == ".gz" else "JSON lines"
        raise ValueError(
            f"encode: {name} is {what}, not plain text: give its text, with - from standard input"
        )
    if not path.is_file():
        return  # a pipe can be read only once; what is not there is refused where it is opened
    if out and Path(out).exists() and path.samefile(out):
        raise ValueError(f"encode: --out is the file to read, {name}: choose another --out")
    if (share := share_not_text(path)) > STRANGE:
        warn(f"warning: {name}: {share:.0%} of its first bytes are NUL or not UTF-8: is it text?")


def write(file, kind: str, tok, ids, offsets) -> None:
    """Write ids, and if there are, the start and end (n, 2) of each."""
    import numpy as np

    small = np.dtype("<u2" if tok.vocab_size <= 1 << 16 else "<u4")
    if kind == "bin":
        file.write(ids.astype(small).data)
    elif kind == "npy":
        array = io.BytesIO()
        np.save(array, ids.astype(small), allow_pickle=False)
        file.write(array.getbuffer())
    elif kind == "json":
        found = {"ids": ids.tolist()}
        if offsets is not None:
            found["offsets"] = offsets.tolist()
        file.write(json.dumps(found).encode() + b"\n")
    elif offsets is None:
        for start in range(0, len(ids), CHUNK):
            line = " ".join(map(str, ids[start : start + CHUNK].tolist()))
            file.write((" " if start else "").encode() + line.encode())
        file.write(b"\n")
    else:
        from gptengine.tokenizer.inspect import visible

        for i, (start, end) in zip(ids.tolist(), offsets.tolist(), strict=True):
            file.write(f"{i}\t{start}\t{end}\t{visible(tok.token_bytes(i))}\n".encode())
