"""Files among workers: as few tasks as keep all busy, and those of an earlier run again."""

import random

import pytest
import small_corpora as corpora

from gptengine.curate import plan, run
from gptengine.curate.executors import Inline
from gptengine.curate.recipe import Source
from gptengine.curate.strides import LEAST_BYTES, MOST, Strides
from gptengine.files import read_json


@pytest.fixture
def sizes(tmp_path):
    """Paths of files of so many times the least bytes of a task."""

    def make(*times):
        paths = [tmp_path / f"{i}.jsonl" for i in range(len(times))]
        for path, n in zip(paths, times, strict=True):
            with open(path, "wb") as file:
                file.truncate(int(n * LEAST_BYTES))
        return list(map(str, paths))

    return make


@pytest.mark.parametrize(
    "times, workers, counts",
    [
        ((20,), 1, [1]),
        ((20,), 4, [4]),
        ((20, 20, 20, 20), 4, [1, 1, 1, 1]),
        ((60, 20), 4, [3, 1]),
        ((1.5, 0), 4, [1, 1]),
        ((2 * MOST,), 2 * MOST, [MOST]),
        ((20, 3), 0, [8, 3]),  # many machines
    ],
)
def test_counts(sizes, times, workers, counts):
    paths = sizes(*times)
    strides = Strides([(path, Source(("x",))) for path in paths], workers)
    assert list(map(strides.count, paths)) == counts


def test_pages_are_more_work(tmp_path):
    corpora.write_jsonl(tmp_path / "pages.jsonl", [{"html": "<p>x" * LEAST_BYTES}])
    corpora.write_jsonl(tmp_path / "texts.jsonl", [{"text": "<p>x" * LEAST_BYTES}])
    paths = [str(tmp_path / name) for name in ("pages.jsonl", "texts.jsonl")]
    for extract, counts in (("trafilatura", [4, 1]), ("resiliparse", [2, 2])):
        strides = Strides([(path, Source(("x",), extract=extract)) for path in paths], 4)
        assert list(map(strides.count, paths)) == counts


@pytest.fixture
def recipe(tmp_path):
    rng = random.Random(1)
    texts = [{"text": corpora.prose(i, 40) + f" {rng.random()}"} for i in range(1000)]
    corpora.write_jsonl(tmp_path / "texts/a.jsonl", texts)
    off = dict.fromkeys(("quality", "spam", "bad_words", "near"), False)
    source = {"path": str(tmp_path / "texts"), "language": "en"}
    return {"sources": {"a": source}, **off, **corpora.PLAIN}


def test_what_an_earlier_run_did_is_not_done_again(recipe, tmp_path, monkeypatch):
    assert plan(recipe, workers=2)["sources"]["a"]["tasks"] == 2
    run(recipe, tmp_path / "two", workers=2)
    run(recipe, tmp_path / "one", workers=1)
    assert corpora.output_digest(tmp_path / "one") == corpora.output_digest(tmp_path / "two")
    monkeypatch.setattr(Inline, "submit", lambda *_: 1 / 0)
    run(recipe, tmp_path / "two", workers=1)
    for task in (tmp_path / "one" / "work" / "read").iterdir():
        (task / "task.json").unlink()  # and where nothing is done, the workers decide
    run(recipe, tmp_path / "one", workers=2)
    assert list(read_json(tmp_path / "one" / "work" / "strides.json").values()) == [2]
