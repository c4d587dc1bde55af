"""Web archives give every page; damage costs the record that it is in and is counted."""

import gzip
import tracemalloc
import zlib

import archive
import pytest
from archive import PAGE, packed, pages, record, response

from gptengine.curate.document import Loss
from gptengine.curate.readers import ReadOptions, read_file


def read(folder, data, name=None, **options):
    path = folder / (name or ("a.warc.gz" if data[:2] == b"\x1f\x8b" else "a.warc"))
    path.write_bytes(data)
    return list(read_file(path, ReadOptions(**options)))


def shown(items):
    """The number of each page, or the reason of its loss."""
    return [i.reason if isinstance(i, Loss) else int(i.url.rpartition("/")[2]) for i in items]


def one(folder, block, **fields):
    [item] = read(folder, record(block, **fields))
    return item


@pytest.mark.parametrize("pack", [b"".join, packed, lambda r: gzip.compress(b"".join(r))])
def test_every_page_in_order(pack, tmp_path):
    beside = [record(b"software: x", kind=kind) for kind in (b"warcinfo", b"request", b"metadata")]
    items = read(tmp_path, pack([beside[0], *pages(20), *beside]))
    assert shown(items) == [*range(20)]
    assert items[3].content == "<html><body>page 3</body></html>" and items[3].kind == "html"
    assert items[3].own_id == "http://a/3" and items[3].meta == {"date": "2026-01-01T00:00:00Z"}
    assert items[3].where.endswith("record 5")


def test_zst(tmp_path):
    zstandard = pytest.importorskip("zstandard")
    data = b"".join(map(zstandard.compress, pages(5)))
    assert shown(read(tmp_path, data, "a.warc.zst")) == [0, 1, 2, 3, 4]
    damaged = data[:150] + b"\xff" * 20 + data[170:]
    assert "reader.broken_file" in shown(read(tmp_path, damaged, "a.warc.zst"))


def damage(number, change):
    records = [gzip.compress(r) for r in pages(8)]
    records[number] = change(records[number])
    return b"".join(records)


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r[:40] + bytes([r[40] ^ 0xFF]) + r[41:],
        lambda r: r[: len(r) // 2],
        lambda r: b"\0" + b"garbage" * 900 + r[5:],
        lambda r: r[:-8] + b"\0" * 8,
    ],
)
def test_a_broken_member_costs_its_own_record(change, tmp_path):
    found = shown(read(tmp_path, damage(3, change)))
    assert [x for x in found if isinstance(x, int) and x != 3] == [0, 1, 2, 4, 5, 6, 7]
    assert "reader.broken_file" in found


def test_a_file_that_ends_early_says_so(tmp_path):
    assert shown(read(tmp_path, packed(pages(5))[:-30])) == [0, 1, 2, 3, "reader.broken_file"]
    cut = b"".join(pages(5))[:-30]
    assert shown(read(tmp_path, cut)) == [0, 1, 2, 3, "reader.bad_record"]
    assert shown(read(tmp_path, packed(pages(2)) + b"\0" * 512)) == [0, 1]  # padding is no damage


@pytest.mark.parametrize(
    "wrong",
    [
        b"garbage garbage\r\n\r\n",
        record(response(PAGE), length=99999),
        record(response(PAGE), length=3),
        record(response(PAGE), length=-3),
        b"WARC/1.0\r\n" + b"X: y\r\n" * 2000 + b"\r\n",
        b"WARC/1.0\r\nContent-Length: 1" + b"0" * 30 + b"\r\n\r\n",
    ],
)
def test_a_wrong_record_between_others_is_one_loss(wrong, tmp_path):
    found = shown(read(tmp_path, b"".join([*pages(2), wrong, *pages(2)])))
    assert found == [0, 1, "reader.bad_record", 0, 1]


def test_false_records_within_a_long_body_take_linear_time(tmp_path):
    body = b"WARC/1.0\r\nContent-Length: 999999\r\n\r\n" * 50_000
    items = read(tmp_path, record(body, length=len(body) + 1) + pages(1)[0])
    assert set(shown(items)) <= {"reader.bad_record", 0} and len(items) <= 50_002


def test_arc_is_declared_unsupported(tmp_path):
    [lost] = read(tmp_path, b"filedesc://a.arc 0.0.0.0 20260101 text/plain 70\n1 0 x\n" * 9)
    assert lost.reason == "reader.bad_record" and lost.detail.startswith("ARC")


@pytest.mark.parametrize(
    "content_type",
    [b"", b"text/plain", b"application/javascript", b"text/xml", b"application/octet-stream"],
)
@pytest.mark.parametrize("start", [b"<!DOCTYPE html><html>", b"\n<!-- x -->\n<head>", b"<p >"])
def test_a_page_is_known_by_its_content(content_type, start, tmp_path):
    assert one(tmp_path, response(start + b" a page", content_type)).kind == "html"


def test_what_is_no_page_is_counted(tmp_path):
    pdf = one(tmp_path, response(b"%PDF-1.7 ...", b"text/html"))
    assert pdf.reason == "reader.no_page"
    script = one(tmp_path, response(b"var a = 1 < b;", b"application/javascript"))
    assert script.detail == "content type 'application/javascript'"
    assert one(tmp_path, response(b"", b"text/html")).reason == "reader.empty"
    assert one(tmp_path, response(b"", status=b"404 Not Found")).detail == "404"
    assert one(tmp_path, b"no HTTP").reason == "reader.bad_http"
    assert one(tmp_path, b"", kind=b"revisit").detail == "record type 'revisit'"
    assert one(tmp_path, response(PAGE * 9, fields=b"Content-Encoding: br\r\n")).kind == "html"
    packed = response(b"\x8b\0\x80", fields=b"Content-Encoding: br\r\n")
    assert one(tmp_path, packed).detail == "content encoding 'br' is not known"


def test_extracted_text_of_a_wet_file(tmp_path):
    fields = b"Content-Type: text/plain\r\n"
    item = one(tmp_path, "Grüße".encode(), kind=b"conversion", fields=fields)
    assert (item.kind, item.content) == ("text", "Grüße")


def test_http_says_the_charset_and_what_robots_may(tmp_path):
    body = "<html>привет</html>".encode("koi8-r")
    page = response(body, b"text/html; charset=KOI8-R", fields=b"X-Robots-Tag: noai\r\n")
    item = one(tmp_path, page)
    assert "привет" in item.content and item.meta["robots"] == "noai"


@pytest.mark.parametrize(
    "name, encode",
    [
        (b"gzip", gzip.compress),
        (b"deflate", zlib.compress),
        (b"deflate", lambda b: zlib.compress(b)[2:-4]),
        (b"gzip", bytes),  # the crawler unpacked it and left the header
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_encoded_bodies(name, encode, chunked, tmp_path):
    body, fields = encode(PAGE), b"Content-Encoding: " + name + b"\r\n"
    if chunked:
        fields += b"Transfer-Encoding: chunked\r\n"
        body = b"5\r\n" + body[:5] + b"\r\n%x;x=y\r\n" % len(body[5:]) + body[5:] + b"\r\n0\r\n\r\n"
    assert one(tmp_path, response(body, fields=fields)).content == PAGE.decode()


def test_a_body_that_is_not_chunked_although_it_says_so(tmp_path):
    page = response(PAGE, fields=b"Transfer-Encoding: chunked\r\n")
    assert one(tmp_path, page).content == PAGE.decode()


def test_bombs_are_bounded(tmp_path):
    bomb = gzip.compress(b"<html>" + b"a" * (20 << 20))
    page = record(response(bomb, fields=b"Content-Encoding: gzip\r\n"))
    long = archive.record(response(b"<html>" + b"a" * (20 << 20)))
    data = b"".join(map(gzip.compress, (page, long, pages(1)[0])))
    del long
    tracemalloc.start()
    found = read(tmp_path, data, most_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [getattr(x, "reason", x[1]) for x in found] == [
        "reader.bad_http",
        "reader.too_long",
        "html",
    ]
    assert peak < 16 << 20, f"{peak:,} bytes were needed"
