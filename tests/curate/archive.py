"""Writes small web archives for the tests."""

import gzip

PAGE = b"<html><body>page %d</body></html>"


def response(body, content_type=b"text/html", status=b"200 OK", fields=b""):
    head = b"HTTP/1.1 " + status + b"\r\n"
    head += b"Content-Type: " + content_type + b"\r\n" if content_type else b""
    return head + fields + b"\r\n" + body


def record(block, url=b"http://a/", kind=b"response", length=None, fields=b""):
    said = len(block) if length is None else length
    return (
        b"WARC/1.0\r\nWARC-Type: %s\r\nWARC-Target-URI: %s\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
        b"%sContent-Length: %d\r\n\r\n%s\r\n\r\n" % (kind, url, fields, said, block)
    )


def pages(count):
    return [record(response(PAGE % i), b"http://a/%d" % i) for i in range(count)]


def packed(records):
    return b"".join(map(gzip.compress, records))
