"""A whole run: its account, its guarantees, and what it keeps of copies."""

import importlib.util
import json
import shutil
import socket

import pytest
import small_corpora as corpora

from gptengine.curate import explain, load_recipe, mix, plan, run
from gptengine.curate.executors import Inline
from gptengine.curate.tasks import Shard, Unfinished


@pytest.fixture
def recipe(tmp_path):
    return corpora.three_sources(tmp_path / "texts")


@pytest.fixture
def done(recipe, tmp_path):
    return run(recipe, tmp_path / "out", workers=1)


def test_every_record_is_accounted_for(done):
    assert done["account"] == {"records": 41, "split": 0, "kept": 34, "dropped": 7}
    reasons = done["reasons"]
    assert reasons["reader.bad_json"][0] == reasons["reader.empty_text"][0] == 1
    assert reasons["exact.document"][0] == 2
    assert reasons["near.jaccard"][0] == 1
    assert done["clusters"]["near"] == {"2": 1} and done["clusters"]["exact"] == {"2": 2}
    assert done["sources"]["books"]["account"]["kept"] == 5
    assert done["licences"]["books"] == {"cc0-1.0": [5, done["sources"]["books"]["kept_bytes"]]}


def test_the_better_tier_keeps_what_both_have(done, tmp_path):
    text = (tmp_path / "texts/books/copied.txt").read_text()
    having = {
        path.name
        for path in (tmp_path / "out/documents").iterdir()
        for line in path.read_text().splitlines()
        if json.loads(line)["text"] == text
    }
    assert having == {"books-00000.jsonl"}


def test_personal_data_reaches_neither_output_nor_report(done, tmp_path):
    out = tmp_path / "out"
    shown = [(out / n).read_text() for n in ("report.json", "report.html")]
    shown += [p.read_text() for p in (out / "documents").iterdir()]
    assert not any("anna.schmidt" in text for text in shown)
    assert any("<EMAIL>" in text for text in shown)
    assert done["sources"]["web"]["changes"]["pii.email"] == 1


def test_the_result_depends_on_nothing_but_texts_and_recipe(recipe, done, tmp_path):
    """Other workers, names, files and order: the same bytes, and the same report but its speed."""
    moved = tmp_path / "moved"
    lines = (tmp_path / "texts/web/a.jsonl").read_bytes().splitlines(keepends=True)
    moved.mkdir()
    (moved / "2.jsonl").write_bytes(b"".join(reversed(lines[:9])))
    (moved / "1.jsonl").write_bytes(b"".join(lines[9:]))
    shutil.copy(tmp_path / "texts/web/b.jsonl.gz", moved / "0.jsonl.gz")
    recipe["sources"] = dict(reversed(recipe["sources"].items()))
    recipe["sources"]["web"]["path"] = str(moved)
    report = run(recipe, tmp_path / "other", workers=2)
    assert corpora.output_digest(tmp_path / "other") == corpora.output_digest(tmp_path / "out")
    for name in ("account", "reasons", "rules", "clusters", "licences", "languages"):
        assert report[name] == done[name], name
    assert without_places(report["samples"]) == without_places(done["samples"])


def without_places(samples):
    """A line that is no record has a place in a file, and nothing else to be told by."""
    return {k: v for k, v in samples.items() if not k.startswith("reader.")}


def test_a_second_run_does_nothing_again(recipe, done, tmp_path, monkeypatch):
    before = corpora.output_digest(tmp_path / "out")
    monkeypatch.setattr(Inline, "submit", lambda *_: 1 / 0)
    run(recipe, tmp_path / "out", workers=1)
    assert corpora.output_digest(tmp_path / "out") == before


def test_a_late_change_keeps_the_early_work(recipe, done, tmp_path, monkeypatch):
    did, submit = [], Inline.submit
    seen = lambda self, fn, task, work: (did.append(task.stage), submit(self, fn, task, work))[1]
    monkeypatch.setattr(Inline, "submit", seen)
    run({**recipe, "near": {"jaccard": 0.99}}, tmp_path / "out", workers=1)
    assert set(did) == {"compare", "write"}


@pytest.mark.parametrize("dies_after", range(0, 12, 3))
def test_killed_anywhere_it_goes_on(recipe, done, tmp_path, monkeypatch, dies_after):
    count, submit = [0], Inline.submit

    def dying(self, fn, task, work):
        if count[0] == dies_after:
            raise KeyboardInterrupt
        count[0] += 1
        return submit(self, fn, task, work)

    with monkeypatch.context() as patch:
        patch.setattr(Inline, "submit", dying)
        with pytest.raises(KeyboardInterrupt):
            run(recipe, tmp_path / "cut", workers=1)
    report = run(recipe, tmp_path / "cut", workers=1)
    assert corpora.output_digest(tmp_path / "cut") == corpora.output_digest(tmp_path / "out")
    assert report["account"] == done["account"] and report["rules"] == done["rules"]


def test_machines_share_the_work(recipe, done, tmp_path):
    shards = [Shard(i, 3) for i in (1, 2, 3)]
    for _ in range(20):  # a job array, started again until it is through
        left = 0
        for shard in shards:
            try:
                run(recipe, tmp_path / "shared", workers=1, shard=shard)
            except Unfinished:
                left += 1
        if not left:
            break
    assert not left
    assert corpora.output_digest(tmp_path / "shared") == corpora.output_digest(tmp_path / "out")


def test_no_socket_is_opened(recipe, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    if importlib.util.find_spec("trafilatura"):  # the packages of the extra open none either
        page = f"<html><body><article><p>{corpora.prose('page')}</p></article></body></html>"
        corpora.write_jsonl(tmp_path / "pages.jsonl", [{"html": page, "url": "https://a.example"}])
        recipe["sources"]["pages"] = {"path": str(tmp_path / "pages.jsonl"), "weight": 0}
        recipe["languages"] = True
    report = run(recipe, tmp_path / "out", workers=1)
    assert report["account"]["kept"] >= 34
    mix(recipe, tmp_path / "out")
    explain(tmp_path / "out", corpora.kept_ids(tmp_path / "out", "web")[0])


def test_an_account_that_does_not_balance_is_an_error(recipe, tmp_path, monkeypatch):
    from gptengine.curate import tally

    monkeypatch.setattr(tally.Tally, "keep", lambda *_: None)
    with pytest.raises(ValueError, match=r"account of books does not balance: 5 records .* 0 kept"):
        run(recipe, tmp_path / "out", workers=1)


def test_passages_that_stand_elsewhere_go(recipe, tmp_path):
    shared = corpora.prose("shared", 5)
    for i in range(2):
        path = tmp_path / f"texts/books/with{i}.txt"
        path.write_text(corpora.prose(f"around{i}", 40 + 20 * i) + "\n\n" + shared)
    report = run({**recipe, "exact": {"paragraph": 50}}, tmp_path / "out", workers=1)
    texts = "".join(p.read_text() for p in (tmp_path / "out/documents").iterdir())
    assert texts.count(json.dumps(shared)[1:-1]) == 1
    assert report["sources"]["books"]["changes"]["exact.paragraph"] == 1


def test_shards_are_by_id(recipe, tmp_path):
    report = run({**recipe, "shard_bytes": 6000}, tmp_path / "out", workers=1)
    files = sorted((tmp_path / "out/documents").glob("web-*.jsonl"))
    assert len(files) > 3
    ids = corpora.kept_ids(tmp_path / "out", "web")
    assert ids == sorted(ids) and len(ids) == report["sources"]["web"]["account"]["kept"]


def test_explain_finds_every_document(done, tmp_path):
    out = tmp_path / "out"
    kept = explain(out, corpora.kept_ids(out, "web")[0])
    assert kept["outcome"] == "kept in documents/web-00000.jsonl"
    assert all(c["passed"] for c in kept["checks"]) and len(kept["checks"]) > 20
    short = explain(out, done["samples"]["quality.words"][0]["id"])
    assert short["outcome"] == "dropped: quality.words"
    near = explain(out, done["samples"]["near.jaccard"][0]["id"])
    assert near["outcome"] == "dropped: near.jaccard" and len(near["keeper"]) == 32
    empty = explain(out, done["samples"]["reader.empty_text"][0]["id"])
    assert empty["outcome"] == "lost in reading: reader.empty_text"
    broken = done["samples"]["reader.bad_json"][0]
    for place in (broken["where"], "web/a.jsonl line 21", "a.jsonl line 21"):
        lost = explain(out, place)
        assert lost["outcome"] == "lost in reading: reader.bad_json"
        assert lost["where"] == broken["where"] and lost["note"] == broken["note"] != ""
    for unknown in ("none", "line 21"):
        with pytest.raises(ValueError, match=f"no document has the id '{unknown}', and no lost"):
            explain(out, unknown)
    with pytest.raises(ValueError, match="no finished run"):
        explain(tmp_path, "none")


def test_plan_and_memory(recipe):
    planned = plan(recipe, workers=1)
    assert planned["sources"]["web"]["files"] == 2 and planned["sources"]["books"]["files"] == 5
    assert "languages" not in planned["sources"]["web"]["steps"]
    assert planned["recipe_digest"] == load_recipe(recipe)[0].digest()
    with pytest.raises(ValueError, match="memory 104,857,600 bytes is too little"):
        plan(recipe, memory="100MiB")
    with pytest.raises(ValueError, match="9 workers of .* do not fit"):
        plan(recipe, workers=9, memory="1GiB")
    with pytest.raises(ValueError, match="curate: memory='lots'"):
        plan(recipe, memory="lots")


def test_two_runs_in_one_folder_are_refused(recipe, tmp_path):
    from gptengine.files import locked

    (tmp_path / "out").mkdir()
    with locked(tmp_path / "out", "curating"), pytest.raises(ValueError, match="is curating there"):
        run(recipe, tmp_path / "out")


def test_one_share_is_done_once_at_a_time(recipe, tmp_path):
    from gptengine.files import locked

    work = tmp_path / "out/work"
    work.mkdir(parents=True)
    with locked(work, name=".share-1-of-2"), pytest.raises(ValueError, match="doing share 1/2"):
        run(recipe, tmp_path / "out", workers=1, shard=Shard(1, 2))


def test_machines_end_a_run_one_after_the_other(recipe, tmp_path, monkeypatch):
    from gptengine.curate import pipeline
    from gptengine.files import locked

    finish = pipeline._finish

    def watched(recipe, base, out, *rest):
        with pytest.raises(ValueError, match="another process"):
            with locked(out / "work", name=".finishing"):
                pass
        return finish(recipe, base, out, *rest)

    monkeypatch.setattr(pipeline, "_finish", watched)
    assert run(recipe, tmp_path / "out", workers=1)["account"]["kept"] == 34


def test_what_is_wrong_is_said_before_work(recipe, tmp_path):
    recipe["urls"] = {"blocked": "none.txt"}
    with pytest.raises(ValueError, match="none.txt"):
        run(recipe, tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()
