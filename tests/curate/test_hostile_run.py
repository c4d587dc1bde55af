"""Broken, empty, huge and oddly named files: a run ends, and counts what it could not read."""

import gzip
import json
import os
import subprocess
import sys

import archive
import pytest
import small_corpora as corpora

from gptengine.curate import run

GOOD = [{"text": corpora.prose(i)} for i in range(5)]


def recipe_over(folder, **source):
    return {"sources": {"a": {"path": str(folder), "language": "en", **source}}, **corpora.PLAIN}


def test_nothing_crashes_and_all_is_counted(tmp_path):
    texts = tmp_path / "texts"
    corpora.write_jsonl(texts / "good.jsonl.gz", GOOD)
    whole = gzip.compress(b"".join(json.dumps(r).encode() + b"\n" for r in GOOD * 50))
    (texts / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (texts / "noise.jsonl.gz").write_bytes(b"\x1f\x8b" + os.urandom(500))
    (texts / "empty.txt").write_bytes(b"")
    (texts / "empty.jsonl.gz").write_bytes(b"")
    (texts / "nul.txt").write_bytes(b"\0" * 10_000)
    (texts / "nul.jsonl").write_bytes(b'{"text": "a\\u0000b"}\n\0\0\0\n')
    (texts / "long.jsonl").write_bytes(b'{"text": "' + b"x" * (50 << 20) + b'"}\n')
    (texts / "what.xyz").write_bytes(b"?")
    with open(os.fsencode(texts) + b"/n\xff\xfe.txt", "w") as file:
        file.write(corpora.prose("odd name"))
    report = run(recipe_over(texts), tmp_path / "out", workers=1)
    account = report["account"]
    assert account["records"] == account["kept"] + account["dropped"] > 10
    assert account["kept"] >= 6  # what is good, and the file of the odd name
    for reason in ("reader.empty", "reader.unknown_format", "reader.too_long", "reader.bad_json"):
        assert report["reasons"][reason][0] >= 1, reason
    assert report["reasons"]["reader.broken_file"][0] == 2
    assert (tmp_path / "out/report.html").read_bytes()


def test_pages(tmp_path):
    pytest.importorskip("trafilatura")
    texts = tmp_path / "texts"
    paragraphs = "".join(f"<p>{p}</p>" for p in corpora.prose("page", 40).split("\n\n"))
    pages = [
        {"html": f"<html><body><nav>Home</nav><article>{paragraphs}</article></body></html>"},
        {"html": "<div>" * 50_000},
        {"html": "<html><body></body></html>"},
    ]
    corpora.write_jsonl(texts / "pages.jsonl", pages)
    archived = archive.packed(archive.pages(3))
    (texts / "cut.warc.gz").write_bytes(archived[:-20])
    (texts / "garbled.warc.gz").write_bytes(archived[:40] + b"\xff" * 9 + archived[49:])
    (texts / "noise.warc").write_bytes(b"WARC/1.0\r\n" + bytes(range(256)) * 9)
    report = run(recipe_over(texts), tmp_path / "out", workers=1)
    account = report["account"]
    assert account["kept"] == 1 and account["records"] == account["kept"] + account["dropped"]
    assert report["reasons"]["extract.too_deep"][0] == 1
    assert report["reasons"]["reader.broken_file"][0] >= 2
    assert report["reasons"]["quality.words"][0] >= 3  # pages before and after the damage
    assert report["reasons"]["extract.empty"][0] == 1


def test_long_texts_become_several(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/long.txt").write_text(corpora.prose("long", 6000))
    report = run(recipe_over(tmp_path / "texts"), tmp_path / "out", workers=1)
    account = report["account"]
    assert account["split"] >= 1 and account["records"] == 1
    assert account["kept"] + account["dropped"] == account["split"] + 1


MEASURED = """
import resource, sys
from gptengine.curate import run
run(sys.argv[1], sys.argv[2], workers=1, memory=sys.argv[3])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units")
def test_memory_stays_under_the_limit(tmp_path):
    """A hundred megabytes of text in half of the memory that holding them would take."""
    texts = tmp_path / "texts"
    for i in range(4):
        part = [{"text": corpora.prose(f"{i} {j}", 8) * 60} for j in range(400)]
        corpora.write_jsonl(texts / f"{i}.jsonl", part)
    size = sum(p.stat().st_size for p in texts.iterdir())
    recipe = recipe_over(texts) | {"shard_bytes": 8 << 20, "quality": False, "spam": False}
    (tmp_path / "r.json").write_text(json.dumps(recipe))
    limit = 600 << 20
    command = [sys.executable, "-c", MEASURED, tmp_path / "r.json", tmp_path / "out", str(limit)]
    peak = int(subprocess.check_output(command, text=True))
    assert peak < limit, f"{peak:,} bytes for {size:,} of text"
