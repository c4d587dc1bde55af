"""Each format gives its records, and a loss for each record that it cannot give."""

import gzip
import json
import os

import pytest

from gptengine.curate.document import Loss, Record
from gptengine.curate.readers import ReadOptions, format_of, read_file


def read(path, **options):
    return list(read_file(path, ReadOptions(**options)))


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def reasons(items):
    return [item.reason if isinstance(item, Loss) else item.kind for item in items]


def test_a_text_file_is_a_record(tmp_path):
    path = written(tmp_path, "a.txt", "Grüße\n")
    assert read(path) == [Record("Grüße\n", "text", str(path))]
    latin = written(tmp_path, "b.txt", "Grüße".encode("latin-1"))
    assert read(latin)[0].content == "Grüße"
    wide = written(tmp_path, "c.txt", "Grüße\n".encode("utf-16"))
    assert read(wide)[0].content == "Grüße\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_long_text_file_is_several_records_and_loses_nothing(encoding, tmp_path):
    text = "".join(f"Zeile {i} über nichts\n" * 3 + "\n" for i in range(40)) + "ä" * 500
    parts = read(written(tmp_path, "a.txt", text.encode(encoding)), most_bytes=200)
    assert "".join(part.content for part in parts) == text
    assert all(len(part.content.encode()) <= 200 for part in parts)
    assert parts[0].content.endswith("\n\n") and parts[1].where.endswith("a.txt part 2")


def test_markdown_says_its_fields_at_the_top(tmp_path):
    text = "---\ntitle: 'Ein Titel'\nlicense: CC-BY-4.0\n---\n# Text\n\n---\na: b\n---\n"
    [record] = read(written(tmp_path, "a.md", text))
    assert record.content == "# Text\n\n---\na: b\n---\n"
    assert (record.licence, record.meta) == ("CC-BY-4.0", {"title": "Ein Titel"})
    [loss] = read(written(tmp_path, "b.md", "---\ntitle: alone\n---\n \n"))
    assert (loss.reason, loss.detail) == ("reader.empty", "nothing follows its fields")


def test_html_is_decoded_by_its_own_declaration(tmp_path):
    page = '<meta charset="koi8-r"><p>привет'.encode("koi8-r")
    [record] = read(written(tmp_path, "a.html.gz", gzip.compress(page)))
    assert (record.kind, record.content[-6:]) == ("html", "привет")


ROWS = [
    {"text": "FineWeb", "id": "1", "url": "http://a/", "dump": "CC", "language_score": 0.5},
    {"text": "datatrove", "id": 2, "metadata": {"url": "http://b/", "license": "MIT"}},
    {"id": "3", "text": "Dolma", "source": "s", "metadata": {"license": "CC0"}, "added": None},
    {"raw_html": "<p>page", "uri": "http://d/"},
]


def check_rows(records):
    assert [r.content for r in records] == ["FineWeb", "datatrove", "Dolma", "<p>page"]
    assert [r.kind for r in records] == ["text", "text", "text", "html"]
    assert [r.own_id for r in records] == ["1", "2", "3", "http://d/"]
    assert [r.url for r in records] == ["http://a/", "http://b/", "", "http://d/"]
    assert [r.licence for r in records] == ["", "MIT", "CC0", ""]
    assert records[0].meta["dump"] == "CC" and records[2].meta["source"] == "s"
    json.dumps([r.meta for r in records], allow_nan=False)


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_json_lines_by_the_names_that_others_use(suffix, tmp_path):
    data = "\n".join(map(json.dumps, ROWS)).encode() + b"\n\n"
    if suffix.endswith(".gz"):
        data = gzip.compress(data)
    elif suffix.endswith(".zst"):
        data = pytest.importorskip("zstandard").compress(data)
    check_rows(read(written(tmp_path, f"a{suffix}", data)))


def test_parquet_by_the_names_that_others_use(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [{**row, "id": str(row.get("id", ""))} for row in ROWS]
    names = {name: None for row in rows for name in row}
    table = pyarrow.table({name: [row.get(name) for row in rows] for name in names})
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    check_rows(read(tmp_path / "a.parquet"))
    data = (tmp_path / "a.parquet").read_bytes()
    for broken in (
        data[:-9],
        data[: len(data) // 2],
        b"PAR1",
        data[:40] + b"\xff" * 60 + data[100:],
    ):
        lost = read(written(tmp_path, "b.parquet", broken))
        assert "reader.broken_file" in reasons(lost), reasons(lost)


def test_a_value_that_python_cannot_hold_costs_at_most_its_row(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    starts = pyarrow.py_buffer(bytes([0, 0, 0, 0, 4, 0, 0, 0, 6, 0, 0, 0]))
    text = pyarrow.StringArray.from_buffers(2, starts, pyarrow.py_buffer(b"good\xff\xfe"))
    columns = {
        "text": text,
        "date": pyarrow.array([10**9, 0], pyarrow.date32()),
        "crawled": pyarrow.array([1, 2], pyarrow.timestamp("ns")),
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    good, bad = read(tmp_path / "a.parquet")
    assert good.content == "good" and good.meta["crawled"].endswith("00:00:00.000000001")
    assert bad.reason == "reader.bad_fields" and bad.where.endswith("row 2")
    assert "can't decode byte 0xff" in bad.detail
    nowhere = pyarrow.array([1], pyarrow.timestamp("us", tz="No/Where"))
    parquet.write_table(pyarrow.table({"text": ["a"], "seen": nowhere}), tmp_path / "b.parquet")
    assert reasons(read(tmp_path / "b.parquet")) == ["reader.bad_fields"]


def test_a_field_can_be_named(tmp_path):
    path = written(tmp_path, "a.jsonl", '{"body": "x", "story": "y", "page": "<p>z"}')
    assert read(path, field="story")[0].content == "y"
    assert read(path, html_field="page")[0].kind == "html"
    [lost] = read(path, field="none")
    assert lost.reason == "reader.no_text" and "fields: body, story, page" in lost.detail


LINES = [
    (b'{"text": "good"}', "text"),
    (b"{broken", "reader.bad_json"),
    (b"[1, 2]", "reader.bad_json"),
    (b"[" * 100_000, "reader.bad_json"),
    (b'{"text": 5}', "reader.no_text"),
    (b'{"text": " "}', "reader.empty"),
    (b'{"text": "a", "b": ' + b"[" * 50 + b"]" * 50 + b"}", "reader.bad_fields"),
    (b'{"text": "\\ud800 lone", "m": "\\udfff", "n": NaN}', "text"),
    ('{"text": "Gr\u00fc\u00dfe"}'.encode("latin-1"), "text"),
    (b'{"text": "\0\0\0"}', "reader.bad_json"),
    (b'{"text": "' + b"x" * 200_000 + b'"}', "reader.too_long"),
    (b'{"text": "last"}', "text"),
]


def test_each_bad_line_is_one_loss_and_the_others_are_read(tmp_path):
    path = written(tmp_path, "a.jsonl", b"\n".join(line for line, _ in LINES))
    items = read(path, most_bytes=150_000)
    assert reasons(items) == [reason for _, reason in LINES]
    assert items[1].where == f"{path} line 2"
    assert items[7].content == "\ufffd lone" and items[7].meta == {"m": "\ufffd", "n": None}
    assert items[8].content == "Grüße"
    assert items[10].detail == "200,013 bytes, at most 150,000"


def test_json_lines_in_utf16(tmp_path):
    path = written(tmp_path, "a.jsonl", '{"text": "ä\u0a0a"}\n{"text": "b"}\n'.encode("utf-16"))
    assert [r.content for r in read(path)] == ["ä\u0a0a", "b"]


def test_what_is_no_file_is_a_loss(tmp_path):
    assert reasons(read(tmp_path / "none.txt")) == ["reader.unreadable"]
    assert reasons(read(tmp_path / "a.pdf")) == ["reader.unknown_format"]
    (tmp_path / "folder.txt").mkdir()
    assert reasons(read(tmp_path / "folder.txt")) == ["reader.unreadable"]
    for suffix in ("txt", "md", "html", "jsonl", "warc", "warc.gz", "parquet", "txt.gz"):
        [lost] = read(written(tmp_path, f"empty.{suffix}", b""))
        assert lost.reason in ("reader.empty", "reader.broken_file")
        assert lost.where.startswith(str(tmp_path / f"empty.{suffix}"))


def test_a_name_that_is_no_utf8_is_shown(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    try:
        with open(path, "wb") as file:
            file.write(b"text")
    except OSError:
        pytest.skip("the file system has UTF-8 names only")
    [record] = read(path)
    assert record.where.endswith("caf\\xe9.txt") and record.content == "text"


def test_the_standard_input(tmp_path, monkeypatch):
    with open(written(tmp_path, "a", '{"text": "x"}\n')) as file:
        monkeypatch.setattr("sys.stdin", file)
        assert [r.content for r in read("-")] == ["x"]
    with open(tmp_path / "a") as file:
        monkeypatch.setattr("sys.stdin", file)
        assert read("-", format="text")[0].content == '{"text": "x"}\n'


def test_options_are_checked():
    with pytest.raises(ValueError, match="format 'pdf' is none of text, markdown"):
        ReadOptions(format="pdf")
    with pytest.raises(ValueError, match="most_bytes 1 must be at least 16"):
        ReadOptions(most_bytes=1)
    assert format_of("A.JSONL.GZ") == "jsonl" and format_of("crawl.warc.wet.gz") == "warc"


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    with pytest.raises(ValueError, match=r"reading .zst needs zstandard.*gptengine\[data\]"):
        read(written(tmp_path, "a.txt.zst", b""))


@pytest.mark.parametrize("name", ["blank.jsonl", "a.jsonl", "cut.jsonl.gz", "a.parquet", "a.txt"])
def test_strides_together_are_the_file(name, tmp_path):
    records = [{"text": f"text {i}"} for i in range(20)]
    lines = b"".join(json.dumps(r).encode() + b"\n" for r in records) + b"{\n\n"
    path = tmp_path / name
    lines = b"\n" * 9 if name == "blank.jsonl" else lines
    if name.endswith("parquet"):
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow.parquet import write_table

        write_table(pyarrow.Table.from_pylist(records), path)
    else:
        path.write_bytes(gzip.compress(lines)[:-9] if name.endswith("gz") else lines)
    whole = list(read_file(path))
    parts = [list(read_file(path, None, (first, 3))) for first in range(3)]
    assert sorted(map(repr, whole)) == sorted(repr(item) for part in parts for item in part)
    assert len(whole) > 19 or name in ("a.txt", "cut.jsonl.gz", "blank.jsonl")
    if name == "blank.jsonl":
        assert [loss.reason for loss in whole] == ["reader.empty"]
