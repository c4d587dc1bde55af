"""`gptengine tokenizer decode`: token ids in, text out."""

from __future__ import annotations

import codecs
import dataclasses
import io
import json
import re
import sys
from pathlib import Path
from typing import Literal

from gptengine.cli.tokenizer import show
from gptengine.cli.tokenizer.progress import Progress
from gptengine.options import REQUIRED, option
from gptengine.tokenizer.encode_file import id_dtype

EXAMPLES = """\
  gptengine tokenizer decode runs/tok 510 3291 17
  gptengine tokenizer encode runs/tok "Hallo" | gptengine tokenizer decode runs/tok -
  gptengine tokenizer decode runs/tok --file book.bin --out book.txt"""
CHUNK = 1 << 20  # ids that are decoded at a time
PART = 1 << 22  # characters of numbers that are read at a time
BORDER = re.compile(r"[\s,]")
NUMBER = re.compile(r"-?[0-9]{1,18}")
NUMBERS = re.compile(rf"[\s,]*(?:{NUMBER.pattern}(?:[\s,]+|\Z))*")


@dataclasses.dataclass(frozen=True)
class DecodeCommand:
    """Turn token ids back into text."""

    tokenizer: str = option(REQUIRED, show.TOKENIZER, positional=True)
    ids: tuple[str, ...] = option(
        (), "the ids; - reads them from standard input", positional=True, shows="ID"
    )
    file: str = option(
        "", "a token file: .bin, .npy, a .tok shard; else numbers or JSON", shows="FILE"
    )
    format: Literal["auto", "ids", "npy", "bin"] = option(
        "auto",
        "of --file or standard input, as encode writes them; ids: numbers or JSON; auto: by the "
        "suffix of --file, else ids",
    )
    out: str = option("", "file to write (default: standard output)", shows="FILE")
    errors: Literal["replace", "ignore", "strict", "bytes"] = option(
        "replace", "what is not UTF-8: U+FFFD, nothing, an error, or the bytes as they are"
    )

    def __post_init__(self):
        if bool(self.ids) == bool(self.file):
            raise ValueError("decode: give ids, or - for standard input, or --file")
        if self.format in ("npy", "bin") and not self.file and self.ids != ("-",):
            raise ValueError(f"decode: --format {self.format} goes with --file or -, not with ids")


def main(c: DecodeCommand) -> None:
    show.check_not_read("decode", c.out, "--out", [c.file] * bool(c.file), [c.tokenizer])
    from rich.console import Console

    tok = show.load(c.tokenizer)
    with Progress(Console(stderr=True, highlight=False)) as progress:
        shown = c.out or not sys.stdout.isatty()  # else the text itself moves
        told = progress.show if shown else lambda line: None
        if c.file:
            ids = read_ids(Path(c.file), c.format, tok.vocab_size, told)
        elif c.ids == ("-",):
            ids = ids_of("standard input", sys.stdin.buffer.read(), c.format, tok.vocab_size, told)
        else:
            ids = parse_ids("decode", " ".join(c.ids))
        try:
            if c.out:
                show.write_out(c.out, lambda file: write(file, tok, ids, c.errors, told))
            else:
                sys.stdout.flush()
                write(sys.stdout.buffer, tok, ids, c.errors, told)
                if sys.stdout.isatty():
                    sys.stdout.buffer.write(b"\n")
                sys.stdout.buffer.flush()
        except KeyError as error:
            raise ValueError(f"decode: {error.args[0]}") from None
    if c.out:
        show.say_written(len(ids), c.out)


def write(file, tok, ids, errors: str, told) -> None:
    """The text of ids as UTF-8, part by part; `told` takes lines of progress, as all here do."""
    decoder = None if errors == "bytes" else codecs.getincrementaldecoder("utf-8")(errors)
    for start in range(0, len(ids), CHUNK):
        told(lambda start=start: f"decoding {start:,} of {len(ids):,} tokens")
        first = max(0, start - 1)  # the id before a part says whether a space begins it
        before = len(tok.decode_bytes(ids[first:start]))
        data = tok.decode_bytes(ids[first : start + CHUNK])[before:]
        if decoder:
            data = decoder.decode(data, start + CHUNK >= len(ids)).encode()
        file.write(data)


def read_ids(path: Path, kind: str, vocab_size: int, told):
    """The ids in a file, by its suffix if `kind` is auto; large ones are mapped."""
    import numpy as np

    from gptengine.data.shards import DTYPES, LAYOUT, read_header

    if kind == "auto":
        kind = {".npy": "npy", ".bin": "bin", ".tok": "tok"}.get(path.suffix, "ids")
    if kind == "npy":
        return row_of(path, lambda: np.load(path, mmap_mode="r", allow_pickle=False))
    if kind == "ids" or not path.is_file():  # a pipe cannot be mapped
        return ids_of(path, path.read_bytes(), kind, vocab_size, told)
    size, start, dtype = path.stat().st_size, 0, id_dtype(vocab_size)
    if kind == "tok":
        header = read_header(path)
        if header.vocab_size != vocab_size:
            raise ValueError(
                f"{path}: written with a vocabulary of {header.vocab_size} tokens, this one has "
                f"{vocab_size}"
            )
        start, dtype = LAYOUT.size, DTYPES[header.itemsize]
    check_whole(path, size - start, dtype)
    if size == start:
        return np.empty(0, dtype)
    return np.memmap(path, dtype, "r", start)


def ids_of(where, data: bytes, kind: str, vocab_size: int, told):
    """The ids in the contents of a file or pipe."""
    import numpy as np

    if kind == "npy":
        return row_of(where, lambda: np.load(io.BytesIO(data), allow_pickle=False))
    if kind == "bin":
        dtype = id_dtype(vocab_size)
        check_whole(where, len(data), dtype)
        return np.frombuffer(data, dtype)
    return parse_ids(where, data.decode("utf-8", "replace"), told)


def row_of(where, load):
    """The row of ids that the function `load` reads."""
    try:
        ids = load()
    except (ValueError, EOFError) as error:
        raise ValueError(f"{where}: no .npy of ids, or truncated: {error}") from None
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise ValueError(f"{where}: {ids.dtype} of shape {ids.shape}, not a row of ids")
    return ids


def check_whole(where, size: int, dtype) -> None:
    if size % dtype.itemsize:
        raise ValueError(f"{where}: {size} bytes are not a number of {dtype.name} ids: truncated?")


def parse_ids(where, text: str, told=lambda line: None):
    """Ids out of text: numbers with white space or commas between them, or JSON of encode."""
    import numpy as np

    if text.lstrip().startswith("{"):
        try:
            found = json.loads(text).get("ids")
        except ValueError as error:
            raise ValueError(f"{where}: not JSON: {error}") from None
        text = " ".join(map(str, found)) if isinstance(found, list) else ""
    text, parts, end = text.strip().strip("[]"), [np.empty(0, np.int64)], 0
    while end < len(text):
        told(lambda done=end: f"reading  {done / 1e6:,.0f} of {len(text) / 1e6:,.0f} MB")
        border = BORDER.search(text, min(end + PART, len(text)))
        start, end = end, border.end() if border else len(text)
        part = text[start:end]
        words = part.replace(",", " ").split()
        if not NUMBERS.fullmatch(part):
            wrong = next(word for word in words if not NUMBER.fullmatch(word))
            raise ValueError(f"{where}: {wrong[:80]!r} is not a token id")
        parts.append(np.array([*map(int, words)], np.int64))
    return np.concatenate(parts)
