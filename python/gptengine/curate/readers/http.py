"""HTTP responses as archives hold them: headers, transfer and content encoding, what kind it is."""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

HTML_START = re.compile(
    rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|title|meta|div|table"
    rb"|script|link|p|h1|center|frameset)[\s>/]",
    re.I | re.S,
)
BINARY = (
    b"%PDF",
    b"\x89PNG",
    b"GIF8",
    b"\xff\xd8\xff",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"RIFF",
    b"wOF",
)
LOOKED_AT = 4096
HTML_TYPES = ("text/html", "application/xhtml+xml")
UNSURE = ("", "text/plain", "text/xml", "application/xml", "application/octet-stream", "unknown")
UNSURE += ("application/javascript", "text/javascript", "application/x-javascript")


class Response(NamedTuple):
    """A response's status, its headers in lower case, and its body as it was sent."""

    status: int
    headers: dict[str, str]
    body: bytes


def read_response(data: bytes) -> Response:
    """Raises ValueError if no HTTP header is there."""
    end = re.search(rb"\r?\n\r?\n", data)
    head = data[: end.start()] if end else data
    first, _, rest = head.partition(b"\n")
    status = re.match(rb"HTTP/\d(?:\.\d)?\s+(\d{3})", first)
    if not status:
        raise ValueError(f"no HTTP status: {first[:40]!r}")
    return Response(int(status[1]), header_fields(rest), data[end.end() :] if end else b"")


def header_fields(block: bytes) -> dict[str, str]:
    """Header lines by name in lower case; of a name that is repeated all values, with commas."""
    fields: dict[str, str] = {}
    for line in re.sub(rb"\r?\n[ \t]+", b" ", block).split(b"\n"):
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        if colon:
            name, value = name.strip().lower(), value.strip()
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return fields


def content(response: Response, most: int) -> bytes:
    """The body without transfer and content encoding.

    Crawlers often unpack a body and leave the header: what is not encoded stays as it is. Raises
    ValueError for an encoding that is not known, that is broken, or for more than `most` bytes.
    """
    body = response.body
    if "chunked" in response.headers.get("transfer-encoding", "").lower():
        body = _joined(body)
    coding = response.headers.get("content-encoding", "").lower().strip()
    if coding in ("gzip", "x-gzip"):
        return _inflated(body, 31, most) if body.startswith(b"\x1f\x8b") else body
    if coding == "deflate" and not _looks_like_text(body):
        return _inflated(body, 15 if body[:1] == b"\x78" else -15, most)
    if coding not in ("", "identity", "none", "deflate") and not _looks_like_text(body):
        raise ValueError(f"content encoding {coding[:40]!r} is not known")
    return body


def kind_of(body: bytes, declared: str) -> str:
    """ "html", "text", or "" for what is neither: the content decides where the type is unsure."""
    declared = declared.partition(";")[0].strip().lower()
    if body.startswith(BINARY):
        return ""
    if declared in HTML_TYPES or (declared in UNSURE and HTML_START.match(body[:LOOKED_AT])):
        return "html"
    return "text" if declared == "text/plain" else ""


def charset_of(content_type: str) -> str:
    found = re.search(r"charset\s*=\s*[\"']?([^\s\"';,]{1,40})", content_type, re.I)
    return found[1] if found else ""


def _joined(body: bytes) -> bytes:
    """The chunks of a body together; a body that is not chunked stays as it is."""
    parts, place = [], 0
    while size := re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n").match(body, place):
        length = int(size[1], 16)
        if length == 0:
            return b"".join(parts)
        parts.append(body[size.end() : size.end() + length])
        place = size.end() + length
        place += 2 if body[place : place + 2] == b"\r\n" else body[place : place + 1] == b"\n"
    return b"".join(parts) if parts and place >= len(body) else body


def _inflated(body: bytes, bits: int, most: int) -> bytes:
    try:
        data = zlib.decompressobj(bits).decompress(body, most + 1)
    except zlib.error as error:
        raise ValueError(f"broken content encoding: {error}") from None
    if len(data) > most:
        raise ValueError(f"more than {most:,} bytes unpacked")
    return data


def _looks_like_text(body: bytes) -> bool:
    return HTML_START.match(body[:LOOKED_AT]) is not None
