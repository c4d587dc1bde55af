"""What is broken, huge or hostile costs a loss and never the run."""

import gzip
import random
import sys
import tracemalloc
from pathlib import Path

import pytest

from gptengine.curate.document import Loss
from gptengine.curate.readers import ReadOptions, read_file

sys.path.insert(0, str(Path(__file__).parent.parent / "fuzz"))
import documents

SEEDS = documents.seeds()


@pytest.mark.parametrize("target, seed", SEEDS)
def test_damaged_files(target, seed, tmp_path):
    whole = SEEDS[target, seed]
    name = documents.FILES[target]
    rng = random.Random(f"{target} {seed}")
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 3)):
            damage(data, rng)
        (tmp_path / name).write_bytes(data)
        documents.read_documents(tmp_path, name)


def damage(data, rng):
    place, length = rng.randrange(len(data) + 1), rng.randint(1, 20)
    kind = rng.randrange(5)
    if kind == 0:
        data[place : place + length] = rng.randbytes(length)
    elif kind == 1:
        del data[place : place + length]
    elif kind == 2:
        del data[place:]
    elif kind == 3:
        data[place:place] = data[rng.randrange(len(data) + 1) :][: 10 * length]
    else:
        data[place:place] = bytes(length)


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "html", "html.gz"])
def test_a_line_of_50_megabytes_is_counted_and_never_held(suffix, tmp_path):
    after = b'{"text": "<p>next"}\n'
    data = b'{"text": "' + b"x" * (50 << 20) + b'"}\n' + after
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(gzip.compress(data, 1) if suffix.endswith("gz") else data)
    size = len(data)
    del data
    tracemalloc.start()
    items = list(read_file(path, ReadOptions(most_bytes=1 << 20)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    length = size - len(after) if "jsonl" in suffix else size
    assert items[0].reason == "reader.too_long"
    assert items[0].detail == f"{length:,} bytes, at most 1,048,576"
    assert [item.content for item in items[1:]] == ["<p>next"] * ("jsonl" in suffix)
    assert peak < 8 << 20, f"{peak:,} bytes were needed"


def test_records_before_broken_packing_are_read(tmp_path):
    rng = random.Random(1)
    lines = b"".join(b'{"text": "%d"}\n' % rng.getrandbits(900) for _ in range(2000))
    whole = gzip.compress(lines)
    for broken in (whole[:-20_000], whole[:-6], whole[:-5] + b"\0" * 5):
        (tmp_path / "a.jsonl.gz").write_bytes(broken)
        items = list(read_file(tmp_path / "a.jsonl.gz"))
        assert len(items) > 1000 and isinstance(items[-1], Loss)
        assert items[-1].reason == "reader.broken_file"
    (tmp_path / "b.jsonl.gz").write_bytes(b"no gzip")
    assert [i.reason for i in read_file(tmp_path / "b.jsonl.gz")] == ["reader.broken_file"]
