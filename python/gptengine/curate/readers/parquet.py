"""Parquet tables: each row is a record."""

from __future__ import annotations

from collections.abc import Iterator

from gptengine.data.encoding import well_formed

from ..document import Loss, Record
from ..optional import need
from .columns import record_of
from .options import ReadOptions

ROWS = 16  # that are in memory as Python objects at a time
# Not UTF-8, beyond Python's dates, in nanoseconds, of a time zone that there is not. Arrow's own
# exceptions are of these kinds too, but for one: of types that it does not convert.
NO_VALUE = (ValueError, OverflowError, KeyError, NotImplementedError)


def read_parquet(path: str, shown: str, options: ReadOptions) -> Iterator[Record | Loss]:
    """The rows of a file in their order; a broken row group loses the rest of the file."""
    pyarrow = need("pyarrow", f"{shown}: reading Parquet")
    parquet = need("pyarrow.parquet", f"{shown}: reading Parquet")
    rows = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS, use_threads=False):
                for values in _rows(batch, pyarrow.string()):
                    rows += 1
                    yield _record(values, f"{shown} row {rows}", options)
    except (pyarrow.ArrowException, OSError, UnicodeError) as error:  # names that are not UTF-8
        detail = well_formed(str(error)[:300])
        yield Loss("reader.broken_file", f"{shown} after row {rows}", detail)


def _rows(batch, string) -> list[dict | Exception]:
    """The rows as Python values, or why one has none; string: Arrow's type of it."""
    try:
        return batch.to_pylist()
    except NO_VALUE:  # of one value: now each row stands for itself
        return [_row(batch, string, i) for i in range(batch.num_rows)]


def _row(batch, string, i: int) -> dict | Exception:
    try:
        columns = zip(batch.schema.names, batch.columns, strict=True)
        return {name: _value(column[i], string) for name, column in columns}
    except NO_VALUE as error:
        return error


def _value(scalar, string):
    """As Python has it, and what it cannot hold, such as a nanosecond, as Arrow writes it."""
    try:
        return scalar.as_py()
    except NO_VALUE:
        return scalar.cast(string).as_py()


def _record(values: dict | Exception, where: str, options: ReadOptions) -> Record | Loss:
    if isinstance(values, Exception):
        return Loss("reader.bad_fields", where, well_formed(str(values)[:300]))
    longest = max((len(v) for v in values.values() if isinstance(v, (str, bytes))), default=0)
    if longest > options.most_bytes:
        limit = f"{longest:,} characters, at most {options.most_bytes:,}"
        return Loss("reader.too_long", where, limit)
    return record_of(values, where, options)
