"""Text, Markdown and HTML: a file is a record, a longer text file several."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gptengine.data.encoding import decode

from ..document import Loss, Record
from .options import ReadOptions
from .stream import open_bytes, open_text, read_at_most

FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|$)", re.S)
FRONT_MATTER_LINE = re.compile(r"([\w-]+):[ \t]*(.*?)[ \t]*\r?$", re.M)


def read_text(path: str, shown: str, options: ReadOptions) -> Iterator[Record | Loss]:
    """One record, or as many as the limit needs, each cut after a line where there is one."""
    with open_text(path) as file:
        number, rest = 0, b""
        while data := rest + file.read(options.most_bytes - len(rest)):
            full = len(data) == options.most_bytes
            end = _cut(data) if full and file.peek(1) else len(data)
            data, rest = data[:end], data[end:]
            number += 1
            where = f"{shown} part {number}" if full or number > 1 else shown
            yield from _decoded(data, where, "text")


def read_markdown(path: str, shown: str, options: ReadOptions) -> Iterator[Record | Loss]:
    """As text; what stands between --- at the top is no text: it becomes the record's fields."""
    for number, record in enumerate(read_text(path, shown, options)):
        first = number == 0 and isinstance(record, Record)
        if first and (found := FRONT_MATTER.match(record.content)):
            said = {k.lower(): v.strip("\"'") for k, v in FRONT_MATTER_LINE.findall(found[1])}
            licence = said.pop("license", "") or said.pop("licence", "")
            record = record._replace(
                content=record.content[found.end() :],
                licence=licence,
                url=said.pop("url", ""),
                meta=said,
            )
            if not record.content.strip():
                record = Loss("reader.empty", record.where, "nothing follows its fields")
        yield record


def read_html(path: str, shown: str, options: ReadOptions) -> Iterator[Record | Loss]:
    with open_bytes(path) as file:
        data, length = read_at_most(file, options.most_bytes)
    if data is None:
        yield Loss("reader.too_long", shown, f"{length:,} bytes, at most {options.most_bytes:,}")
    else:
        yield from _decoded(data, shown, "html")


def _decoded(data: bytes, where: str, kind: str) -> Iterator[Record | Loss]:
    try:
        text, _ = decode(data, html=kind == "html")
    except ValueError as error:
        yield Loss("reader.not_text", where, str(error))
        return
    if text.strip():
        yield Record(text, kind, where)
    else:
        yield Loss("reader.empty", where)


def _cut(data: bytes) -> int:
    """Where to end a part: after the last line or word of its second half, or a character."""
    for separator in (b"\n\n", b"\n", b" "):
        end = data.rfind(separator, len(data) // 2)
        if end >= 0:
            return end + len(separator)
    end = len(data)
    while end > len(data) - 4 and data[end - 1] & 0xC0 == 0x80:
        end -= 1  # over the tail of a character
    return end - 1 if end > 1 and data[end - 1] >= 0xC0 else len(data)
