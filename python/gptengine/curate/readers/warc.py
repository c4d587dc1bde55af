"""Web archives: the pages of a WARC file, plain or packed, and a loss for each that gives none.

What a crawler writes beside the pages (warcinfo, request and metadata records) is no loss. Whether
a page is HTML is asked of its content too, because many archives do not say it, or wrongly.
"""

from __future__ import annotations

from collections.abc import Iterator

from gptengine.data.encoding import decode

from ..document import Loss, Record
from . import http
from .members import RECORD, Members, Plain, Window
from .options import ReadOptions
from .stream import Broken

PAGES = ("response", "resource", "conversion")
BESIDE = ("warcinfo", "request", "metadata")
LONGEST_LINE, MOST_LINES = 1 << 16, 1000  # of a record's header
END = b"\r\n\r\n"  # after a record


class BadRecord(Exception):
    """A record that the format does not allow; what follows it may be whole."""


def read_warc(path: str, shown: str, options: ReadOptions) -> Iterator[Record | Loss]:
    """Pages in the file's order; after damage goes on with the next record that can be found."""
    packed = path.lower().endswith(".gz") and path != "-"
    stream = (Members if packed else Plain)(path)
    try:
        yield from _records(Window(stream), shown, options)
    finally:
        stream.close()


def _records(window: Window, shown: str, options: ReadOptions) -> Iterator[Record | Loss]:
    number = 0
    while True:
        number += 1
        where = f"{shown} record {number}"
        try:
            fields = _header(window)
            if fields is None:
                return
            found = _record(window, fields, where, options)
            if found:
                yield found
        except BadRecord as error:
            yield Loss("reader.bad_record", where, str(error))
            if str(error).startswith("ARC"):
                return
            try:
                if window.find_record():
                    continue
                return
            except Broken as broken:  # in what had to be passed over
                yield Loss("reader.broken_file", f"{shown} after record {number}", str(broken))
                if not window.after_damage():
                    return
        except Broken as error:
            yield Loss("reader.broken_file", where, str(error))
            if not window.after_damage():
                return


def _header(window: Window) -> dict[str, str] | None:
    """The fields of the next record, None at the end of the file."""
    while (line := window.line(LONGEST_LINE)) in (b"\r\n", b"\n"):
        pass
    if not line:
        return None
    if not line.startswith(RECORD):
        if line.startswith(b"filedesc:"):
            raise BadRecord("ARC, the format before WARC, is not read")
        raise BadRecord(f"no WARC header: {line[:40]!r}")
    lines = []
    while (line := window.line(LONGEST_LINE)).strip():
        if len(lines) == MOST_LINES or not line.endswith(b"\n"):
            raise BadRecord("its header does not end")
        lines.append(line)
    return http.header_fields(b"".join(lines))


def _record(window: Window, fields: dict, where: str, options: ReadOptions) -> Record | Loss | None:
    said = fields.get("content-length", "")
    if not (said.isascii() and said.isdigit() and len(said) < 19):
        raise BadRecord(f"Content-Length is {said[:40]!r}")
    length, kind = int(said), fields.get("warc-type", "").lower()
    if kind not in PAGES or length > options.most_bytes:
        _passed_over(window, length)
        if kind in BESIDE:
            return None
        if kind in PAGES:
            limit = f"{length:,} bytes, at most {options.most_bytes:,}"
            return Loss("reader.too_long", where, limit)
        return Loss("reader.no_page", where, f"record type {kind[:40]!r}")
    block = window.take(length)
    if len(block) < length:
        window.give_back(block)
        raise BadRecord(f"{len(block):,} bytes of {length:,}: the file ends within it")
    end = window.take(len(END))
    if end != END[: len(end)]:
        window.give_back(block + end)  # the next record may begin within
        raise BadRecord(f"its end is not where Content-Length {length:,} says")
    return _page(block, fields, where, options)


def _passed_over(window: Window, length: int) -> None:
    if (passed := window.skip(length)) < length:
        raise BadRecord(f"{passed:,} bytes of {length:,}: the file ends within it")
    end = window.take(len(END))
    if end != END[: len(end)]:
        window.give_back(end)
        raise BadRecord(f"its end is not where Content-Length {length:,} says")


def _page(block: bytes, fields: dict, where: str, options: ReadOptions) -> Record | Loss:
    url = fields.get("warc-target-uri", "").strip("<>")
    meta = {"date": fields["warc-date"]} if "warc-date" in fields else {}
    content_type, body = fields.get("content-type", ""), block
    if content_type.lower().startswith("application/http") or (
        fields["warc-type"].lower() == "response" and url.lower().startswith("http")
    ):
        try:
            response = http.read_response(block)
        except ValueError as error:
            return Loss("reader.bad_http", where, str(error))
        if response.status != 200:
            return Loss("reader.http_status", where, str(response.status))
        try:
            body = http.content(response, options.most_bytes)
        except ValueError as error:
            return Loss("reader.bad_http", where, str(error))
        content_type = response.headers.get("content-type", "")
        if "x-robots-tag" in response.headers:
            meta["robots"] = response.headers["x-robots-tag"]
    kind = http.kind_of(body, content_type)
    kind = kind or http.kind_of(body, fields.get("warc-identified-payload-type", content_type))
    if not kind:
        return Loss("reader.no_page", where, f"content type {content_type[:60]!r}")
    try:
        text, _ = decode(body, http.charset_of(content_type), html=kind == "html")
    except ValueError as error:
        return Loss("reader.not_text", where, str(error))
    if not text.strip():
        return Loss("reader.empty", where)
    return Record(text, kind, where, url, url, "", meta)
