"""Parquet tables: each row is a record."""

from __future__ import annotations

from collections.abc import Iterator

from ..document import Loss, Record
from ..optional import need
from .columns import record_of
from .options import ReadOptions

ROWS = 16  # that are in memory as Python objects at a time


def read_parquet(path: str, shown: str, options: ReadOptions) -> Iterator[Record | Loss]:
    """The rows of a file in their order; a broken row group loses the rest of the file."""
    pyarrow = need("pyarrow", f"{shown}: reading Parquet")
    parquet = need("pyarrow.parquet", f"{shown}: reading Parquet")
    rows = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS, use_threads=False):
                for values in batch.to_pylist():
                    rows += 1
                    yield _record(values, f"{shown} row {rows}", options)
    except (pyarrow.ArrowException, OSError) as error:
        yield Loss("reader.broken_file", f"{shown} after row {rows}", str(error)[:300])


def _record(values: dict, where: str, options: ReadOptions) -> Record | Loss:
    longest = max((len(v) for v in values.values() if isinstance(v, (str, bytes))), default=0)
    if longest > options.most_bytes:
        limit = f"{longest:,} characters, at most {options.most_bytes:,}"
        return Loss("reader.too_long", where, limit)
    return record_of(values, where, options)
