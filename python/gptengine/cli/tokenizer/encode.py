"""`gptengine tokenizer encode`: text in, token ids out."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import sys
import time
from pathlib import Path
from typing import Literal

from gptengine.cli.tokenizer import show
from gptengine.cli.tokenizer.progress import Progress, time_left
from gptengine.options import ABSENT, REQUIRED, option
from gptengine.tokenizer.encode_file import encode_parts, id_dtype

EXAMPLES = """\
  gptengine tokenizer encode runs/tok "Die Hausaufgaben"
  gptengine tokenizer encode runs/tok "Die Hausaufgaben" --offsets
  cat book.txt | gptengine tokenizer encode runs/tok - --format json
  gptengine tokenizer encode runs/tok --file book.txt --out book.bin
  gptengine tokenizer encode runs/tok --file chats.jsonl.gz --field body --out chats.bin"""
SUFFIXES = {".npy": "npy", ".bin": "bin", ".json": "json", ".ids": "ids", ".txt": "ids"}
DOCUMENTS = (".jsonl", ".jsonl.gz")
CHUNK = 1 << 16  # ids that are written at a time


@dataclasses.dataclass(frozen=True)
class EncodeCommand:
    """Turn text into token ids."""

    tokenizer: str = option(REQUIRED, show.TOKENIZER, positional=True)
    text: str = option(ABSENT, "the text; - reads it from standard input", positional=True)
    file: str = option(
        "",
        "a file with the text; of a .jsonl file, packed or not, the documents, and the end-of-text "
        "token after each, as pretrain has it",
        shows="FILE",
    )
    field: str = option("text", "what holds the text in a .jsonl line", shows="NAME")
    out: str = option("", "file to write (default: standard output)", shows="FILE")
    format: Literal["auto", "ids", "json", "npy", "bin"] = option(
        "auto",
        "ids: numbers in a line; bin: 16 bits an id (32 for more than 65,536 tokens); "
        "auto: by the suffix of --out (.ids, .txt or none: ids)",
    )
    specials: show.Specials = show.specials_option()
    offsets: bool = option(False, "also the bytes of the text that each token stands for")

    def __post_init__(self):
        if self.text == ABSENT and not self.file:
            raise ValueError("encode: no text: give it, or - for standard input, or --file")


def main(c: EncodeCommand) -> None:
    from rich.console import Console

    kind = format_of(c.out) if c.format == "auto" else c.format
    if c.offsets and kind not in ("ids", "json"):
        raise ValueError(f"encode: --offsets goes with the formats ids and json, not with {kind}")
    if kind in ("npy", "bin") and not c.out and sys.stdout.isatty():
        raise ValueError(f"encode: {kind} is no text for a terminal: give --out")
    if c.file:
        check_file(c.file)
    show.check_not_read("encode", c.out, "--out", [c.file] * bool(c.file), [c.tokenizer])
    tok = show.load(c.tokenizer)
    documents = c.file.endswith(DOCUMENTS)
    if c.offsets and documents:
        raise ValueError(f"encode: --offsets are those of one text, and {c.file} has several")
    with opened(c.text, c.file) as text:
        if c.offsets:
            data = text.read()
            show.check_specials("encode", tok, data, c.specials)
            ids, offsets = tok.encode_with_offsets(data, specials=c.specials)
            with Progress(Console(stderr=True, highlight=False)) as progress:
                write_to(c.out, lambda file: write_offsets(file, kind, tok, ids, offsets, progress))
            return
        with Progress(Console(stderr=True, highlight=False)) as progress:
            update = None if not c.out and sys.stdout.isatty() else told(progress, c.file)
            if documents:
                parts = document_parts(tok, c.file, c.field, c.specials, update)
            else:
                parts = encode_parts(tok, text, specials=c.specials, progress=update)
            write_to(c.out, lambda file: write(file, kind, tok, parts))


def format_of(out: str) -> str:
    """The format that the suffix of --out says: numbers where there is none, or .5 of ids-v1.5."""
    suffix = Path(out).suffix
    if suffix[1:].isalpha() and suffix not in SUFFIXES:
        raise ValueError(
            f"encode: --out {out}: {suffix} says no format: give --format, or one of "
            f"{', '.join(SUFFIXES)}"
        )
    return SUFFIXES.get(suffix, "ids")


def opened(text: str, file: str):
    """The text of the command line, a file, or standard input (-), to read from."""
    if file and text != ABSENT:
        raise ValueError(f"encode: give a text or --file {file}, not both")
    if file:
        return open(file, "rb")
    if text == "-":
        return contextlib.nullcontext(sys.stdin.buffer)
    return io.BytesIO(os.fsencode(text))


def document_parts(tok, name: str, field: str, specials: str, update):
    """The ids of the documents of a file, some at a time."""
    import numpy as np

    from gptengine.data.documents import read_documents
    from gptengine.tokenizer.fertility import batches

    done = 0
    texts = show.checked("encode", [tok], read_documents(name, field), specials)
    for batch in batches(texts, None):
        ids, ends = tok.encode_batch(batch, specials=specials)
        yield ids if tok.eos_id is None else np.insert(ids, ends[1:], tok.eos_id)
        done += sum(map(len, batch))
        if update:
            update(done)


def told(progress, name: str):
    """What encode_parts() calls: it shows how much of a file is done, and when all will be."""
    # of standard input, of a pipe and of documents it is not known
    size = os.path.getsize(name) if name and not name.endswith(DOCUMENTS) else 0

    def update(done: int) -> None:
        of = f" of {size / 1e6:,.0f}" if size else ""
        left = time_left(time.perf_counter() - progress.begin, done, size) if size else ""
        progress.show(lambda: f"encoding {done / 1e6:,.0f}{of} MB{left}")

    return update


def check_file(name: str) -> None:
    """Refuse text that is packed; say where a file is no text."""
    from gptengine.data.documents import strange
    from gptengine.train.log import warn

    path = Path(name)
    if name.endswith(DOCUMENTS):
        return
    if path.suffix == ".gz":
        raise ValueError(
            f"encode: {name} is packed, not plain text: give its text, with - from standard input"
        )
    if not path.is_file():
        return  # a pipe can be read only once; what is not there is refused where it is opened
    if says := strange(path):
        warn(f"warning: {name}: {says}")


def write_to(out: str, content) -> None:
    """Write to a file or standard output what `content` writes, which returns how many ids."""
    if not out:
        sys.stdout.flush()
        content(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    count = 0

    def counted(file):
        nonlocal count
        count = content(file)

    show.write_out(out, counted)
    show.say_written(count, out)


def write(file, kind: str, tok, parts) -> int:
    """Write ids that come in parts; return how many."""
    import numpy as np

    small = id_dtype(tok.vocab_size)
    count = 0
    if kind in ("json", "npy"):  # these say first, or at once, how many there are
        ids = np.concatenate([np.empty(0, np.uint32), *parts])
        if kind == "json":
            file.write(json.dumps({"ids": ids.tolist()}).encode() + b"\n")
        else:
            array = io.BytesIO()
            np.save(array, ids.astype(small), allow_pickle=False)
            file.write(array.getbuffer())
        return len(ids)
    for ids in parts:
        if kind == "bin":
            file.write(ids.astype(small).data)
        else:
            for start in range(0, len(ids), CHUNK):
                line = " ".join(map(str, ids[start : start + CHUNK].tolist()))
                file.write((" " if count + start else "").encode() + line.encode())
        count += len(ids)
    if kind == "ids":
        file.write(b"\n")
    return count


def write_offsets(file, kind: str, tok, ids, offsets, progress) -> int:
    """Write ids and the start and end (n, 2) of each; return how many."""
    from gptengine.tokenizer.inspect import visible

    if kind == "json":
        found = {"ids": ids.tolist(), "offsets": offsets.tolist()}
        file.write(json.dumps(found).encode() + b"\n")
    else:
        rows = zip(ids.tolist(), offsets.tolist(), strict=True)
        for done, (i, (start, end)) in enumerate(rows):
            if done % CHUNK == 0:
                progress.show(lambda done=done: f"writing {done:,} of {len(ids):,} tokens")
            file.write(f"{i}\t{start}\t{end}\t{visible(tok.token_bytes(i))}\n".encode())
    return len(ids)
