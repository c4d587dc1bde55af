"""JSON lines: each line is a record."""

from __future__ import annotations

from collections.abc import Iterator

from gptengine.data.encoding import decode
from gptengine.files import parse_object

from ..document import Loss, Record
from .columns import record_of
from .options import ReadOptions
from .stream import bounded_lines, open_text


def read_jsonl(
    path: str, shown: str, options: ReadOptions, stride: tuple[int, int] = (0, 1)
) -> Iterator[Record | Loss | None]:
    """The records of a file; blank lines are none.

    stride: as `read_file` has it, of lines; for a line of another there is None.
    """
    first, count = stride
    with open_text(path) as file:
        for number, (line, length) in enumerate(bounded_lines(file, options.most_bytes), 1):
            if line is not None and line.isspace():
                continue
            where = f"{shown} line {number}"
            if (number - 1) % count != first:
                yield None
            elif line is None:
                limit = f"{length:,} bytes, at most {options.most_bytes:,}"
                yield Loss("reader.too_long", where, limit)
            else:
                yield _record(line, where, options)


def _record(line: bytes, where: str, options: ReadOptions) -> Record | Loss:
    try:
        values = parse_object(decode(line)[0], where)
    except ValueError as error:
        return Loss("reader.bad_json", where, str(error).removeprefix(f"{where}: "))
    return record_of(values, where, options)
