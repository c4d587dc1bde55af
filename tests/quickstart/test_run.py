"""The whole quickstart at toy size: what it leaves, that it goes on, and what it refuses."""

import dataclasses
import json
import random
import xml.etree.ElementTree as ElementTree

import pytest

from gptengine.files import locked, read_log
from gptengine.quickstart import QuickstartConfig, corpus, main, run


@pytest.fixture
def toy(monkeypatch, tmp_path):
    words = "return the item of a list or raise an error when there is none".split()
    rng = random.Random(0)
    documents = [
        corpus.Document(f"d{i:03}", " ".join(rng.choice(words) for _ in range(60)) + "\n")
        for i in range(100)
    ]
    monkeypatch.setattr(corpus, "gather", lambda: documents)
    monkeypatch.setattr(run, "VOCABULARY", 300)
    monkeypatch.setattr(run, "SHAPE", dict(context_length=32, layers=1, heads=2, model_dim=32))
    monkeypatch.setattr(run, "MEASURE_SECONDS", 0.01)
    monkeypatch.setattr(run, "planned_steps", lambda *_: run.FEWEST_STEPS)
    return QuickstartConfig(out=str(tmp_path / "run"))


def test_it_runs_to_the_end_and_shows_the_card_again(toy, tmp_path, capsys):
    main(toy)
    first = capsys.readouterr().out
    out = tmp_path / "run"
    assert "bits a byte" in first and f"next: gptengine generate {out}" in first
    ElementTree.parse(out / "loss.svg")
    assert "![loss](loss.svg)" in (out / "report.md").read_text()
    assert "](text/report.html)" in (out / "report.md").read_text()
    assert json.loads((out / "text/report.json").read_text())["account"]["kept"] == 100
    assert "100 of 100 documents kept" in first
    plan = json.loads((out / "quickstart.json").read_text())
    assert plan["steps"] == run.FEWEST_STEPS
    assert "samples  by" in first and "\n\n\n" not in first
    records = read_log(out / "run.jsonl")
    scores = [r["val_bpb"] for r in records if "val_bpb" in r]
    assert scores[-1] < scores[0]
    weights = (out / "best/model.safetensors").read_bytes()
    main(toy)
    assert "report card" in capsys.readouterr().out
    assert (out / "best/model.safetensors").read_bytes() == weights


def test_one_minute_is_one(toy, monkeypatch, capsys):
    def stop(*_):
        raise ValueError("enough")

    monkeypatch.setattr(run, "prepare", stop)
    for minutes, said in ((1.0, "at most 1 minute of"), (4.0, "at most 4 minutes of")):
        with pytest.raises(ValueError, match="enough"):
            main(dataclasses.replace(toy, minutes=minutes))
        assert said in capsys.readouterr().out


def test_other_settings_are_refused(toy, tmp_path):
    main(toy)
    before = sorted(p.name for p in (tmp_path / "run").iterdir())
    with pytest.raises(ValueError, match="seed is 1, but the run in .* was started with 0"):
        main(QuickstartConfig(out=toy.out, minutes=toy.minutes, seed=1))
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == before
    for broken, says in (("{", "not JSON"), ('{"minutes": 1}', "'held_out_bytes' is missing")):
        (tmp_path / "run/quickstart.json").write_text(broken)
        with pytest.raises(ValueError, match=rf"quickstart.json: {says}"):
            main(toy)


def test_other_data_is_refused_and_stays(toy, tmp_path):
    data = tmp_path / "run/data"
    data.mkdir(parents=True)
    (data / "mine.csv").write_text("mine")
    for sources in (None, "{}", '{"tokenizer": "bpe", "files": []}'):
        if sources:
            (data / "sources.json").write_text(sources)
        with pytest.raises(ValueError, match=r"run/data was not made by quickstart"):
            main(toy)
    assert sorted(p.name for p in data.iterdir()) == ["mine.csv", "sources.json"]


def test_a_preparation_that_was_cut_is_done_again(toy, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(run, "measure", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main(toy)
    assert (tmp_path / "run/data").is_dir() and not (tmp_path / "run/quickstart.json").exists()
    main(toy)


def test_two_preparations_in_one_folder_are_refused(toy, tmp_path):
    (tmp_path / "run").mkdir()
    with locked(tmp_path / "run"), pytest.raises(ValueError, match="another process is training"):
        main(toy)
    assert not (tmp_path / "run/data").exists()


@pytest.mark.parametrize("settings", [dict(minutes=0), dict(minutes=-1), dict(seed=-1)])
def test_impossible_settings(settings):
    name, value = next(iter(settings.items()))
    with pytest.raises(ValueError, match=f"quickstart: {name} {value} must be"):
        QuickstartConfig(**settings)


def test_the_steps_fit_the_time():
    assert run.planned_steps(4.0, 0.1, 0.0) == int(run.USED * 2400)
    assert run.planned_steps(4.0, 0.1, 2.0) == int(run.USED * 2400 - 10 * 2 * run.VALIDATIONS)
    assert run.planned_steps(4.0, 100.0, 2.0) == run.FEWEST_STEPS
    assert run.training_minutes(4.0, 10.0) == 4.0
    assert run.training_minutes(4.0, run.PREPARATION + 60) == 3.0
    assert run.training_minutes(4.0, 1e6) == 2.0


def test_samples_are_shown_without_gaps():
    pieces = ["a\n", "\n", "  \n\n", "    b c\n", "d", "\n\n\n"]
    assert "".join(run.without_gaps(pieces)) == "a\n\n    b c\nd"


def test_xz_reads_the_training_text_first():
    text = bytes(range(256)) * 40
    assert run.xz_bits_per_byte(text, text[:5000]) < 0.2
