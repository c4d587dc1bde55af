"""How files are read: which fields hold what, and how much one record may have."""

from __future__ import annotations

from dataclasses import dataclass

from gptengine.options import check_sizes, option


@dataclass(frozen=True)
class ReadOptions:
    """Settings of the readers; the defaults read datatrove's, FineWeb's and Dolma's columns."""

    format: str = option("", "text, markdown, html, jsonl, parquet or warc; by the name if empty")
    field: str = option(
        "", "the field of a JSON line or column with the text; usual names if empty"
    )
    html_field: str = option("", "the field with HTML; usual names if empty")
    most_bytes: int = option(16 << 20, "bytes of one record; what has more is counted as lost")

    def __post_init__(self):
        if self.format and self.format not in FORMATS:
            raise ValueError(f"format {self.format!r} is none of {', '.join(FORMATS)}")
        check_sizes("readers", self, most_bytes=16)


FORMATS = ("text", "markdown", "html", "jsonl", "parquet", "warc")
SUFFIXES = {
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".warc": "warc",
    ".wet": "warc",
}
PACKED = (".gz", ".zst")


def format_of(path) -> str:
    """The format that a file's name says, .gz and .zst aside; "" if it says none."""
    name = str(path).lower()
    for suffix in PACKED:
        name = name.removesuffix(suffix)
    return next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), "")
