"""The readers of curation as functions that give them bytes, and what must then hold.

Whatever the bytes are, each item is a record of valid text within the limit or a loss with a
reason. Reading again gives the same, and nothing is raised.
"""

import datetime
import decimal
import gzip
import io
from importlib import util

from gptengine.curate.document import Loss
from gptengine.curate.extract import _most_open, _opens, most_attributes
from gptengine.curate.page import facts
from gptengine.curate.pieces import split_text
from gptengine.curate.readers import ReadOptions, read_file
from gptengine.curate.repair import repair

LIMIT = 1 << 12


def read_documents(folder, name):
    items = read_all(folder / name)
    assert items, "nothing was read and nothing was lost"
    assert items == read_all(folder / name), "read again it is something else"
    for item in items:
        if isinstance(item, Loss):
            assert item.reason.startswith("reader.") and item.where.startswith(str(folder))
            (item.where + item.detail).encode()
        else:
            look_through(item)


def read_all(path):
    try:
        return list(read_file(path, ReadOptions(most_bytes=LIMIT)))
    except ValueError as error:  # what a reader of tokenizers may raise, these may not
        raise AssertionError(f"{path}: {error}") from error


def look_through(record):
    assert record.content.strip() and record.kind in ("text", "html")
    assert len(record.content) <= LIMIT
    "".join((record.content, record.own_id, record.url, record.licence, str(record.meta))).encode()
    once = repair(record.content)
    assert repair(once.text) == (once.text, {}), "repaired again it is something else"
    pieces = list(split_text(record.content, 100))
    assert "".join("".join(pieces).split()) == "".join(record.content.split())
    if record.kind == "html":
        data = record.content.encode("utf-8", "replace")
        assert _most_open(_opens(data)) >= 0 <= most_attributes(data)
        "".join(facts(record.content).values()).encode()


FILES = {
    "documents_text": "a.txt",
    "documents_markdown": "a.md",
    "documents_html": "a.html",
    "documents_jsonl": "a.jsonl",
    "documents_jsonl_gz": "a.jsonl.gz",
    "documents_warc": "a.warc",
    "documents_warc_gz": "a.warc.gz",
    "documents_jsonl_zst": "a.jsonl.zst",
    "documents_warc_zst": "a.warc.zst",
    "documents_parquet": "a.parquet",
}
READERS = {name: ([file], read_documents, dict(name=file)) for name, file in FILES.items()}


def seeds():
    """A small file in every format."""
    page = (
        '<!DOCTYPE html><meta charset="utf-8"><title>T</title><meta name="robots" content="noai">'
    )
    page += '<div><p>Grüße, „schön“ fÃ¼r\xad Sie</p><a rel="license" href="x">CC</a></div>'
    body = page.encode()
    chunks = b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
    records = [
        warc(b"warcinfo", b"software: x"),
        warc(b"response", http(body, b"text/html; charset=utf-8")),
        warc(b"response", http(chunks, b"", b"Transfer-Encoding: chunked\r\n")),
        warc(b"response", http(gzip.compress(body), b"text/xml", b"Content-Encoding: gzip\r\n")),
        warc(b"conversion", b"Text", b"Content-Type: text/plain\r\n"),
        warc(b"revisit", b""),
    ]
    lines = '{"text": "Gr\\u00fc\\ud800", "id": 1, "metadata": {"license": "MIT"}}\n\n'
    lines += '{"html": "<p>"}\n{'
    markdown = f"---\nlicense: MIT\nurl: 'http://a/'\n---\n# {page}\n\n---\nrest"
    return {
        ("documents_text", "utf8"): markdown.encode(),
        ("documents_text", "utf16"): page.encode("utf-16"),
        ("documents_text", "latin1"): "Grüße „schön“ – €".encode("cp1252"),
        ("documents_markdown", "fields"): markdown.encode(),
        ("documents_html", "page"): body,
        ("documents_html", "koi8"): '<meta charset="koi8-r"><p>привет'.encode("koi8-r"),
        ("documents_jsonl", "lines"): lines.encode(),
        ("documents_jsonl_gz", "lines"): gzip.compress(lines.encode(), mtime=0),
        ("documents_warc", "records"): b"".join(records),
        ("documents_warc", "arc"): b"filedesc://a.arc 0.0.0.0 20260101 text/plain 70\n",
        ("documents_warc_gz", "records"): b"".join(gzip.compress(r, mtime=0) for r in records),
        **of_packages(lines, records),
    }


def of_packages(lines, records):
    """In the formats that need a package, where it is there."""
    out = {}
    if util.find_spec("zstandard"):
        import zstandard

        out["documents_jsonl_zst", "lines"] = zstandard.compress(lines.encode())
        out["documents_warc_zst", "records"] = b"".join(map(zstandard.compress, records))
    if util.find_spec("pyarrow"):
        out["documents_parquet", "rows"] = table(compression="none", use_dictionary=False)
        out["documents_parquet", "packed"] = table(compression="zstd", row_group_size=2)
    return out


def table(**options):
    """Rows of many types; bytes of text as they are, where nothing packs them."""
    import pyarrow
    from pyarrow.parquet import write_table

    rows = [
        {
            "text": f"Grüße {i}",
            "html": None,
            "id": i,
            "when": datetime.datetime(2026, 1, 1 + i),
            "price": decimal.Decimal("1.5"),
            "tags": ["a", None],
            "metadata": {"license": "MIT", "raw": b"\xff"},
        }
        for i in range(5)
    ]
    file = io.BytesIO()
    write_table(pyarrow.Table.from_pylist([*rows, {"html": "<p>x"}, {}]), file, **options)
    return file.getvalue()


def http(body, content_type, fields=b""):
    said = b"Content-Type: " + content_type + b"\r\n" if content_type else b""
    return b"HTTP/1.1 200 OK\r\n" + said + fields + b"\r\n" + body


def warc(kind, block, fields=b""):
    head = b"WARC/1.0\r\nWARC-Type: " + kind + b"\r\nWARC-Target-URI: <http://a/>\r\n" + fields
    return head + b"Content-Length: %d\r\n\r\n" % len(block) + block + b"\r\n\r\n"
