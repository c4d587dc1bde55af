"""`gptengine curate`: from a recipe to batches, and what each command says."""

import json
import sys
from pathlib import Path

import pytest

from gptengine.cli.main import main

sys.path.insert(0, str(Path(__file__).parent.parent / "curate"))
import small_corpora as corpora


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(corpora.three_sources(tmp_path / "texts")))
    return str(path)


def run(*words):
    return main(["curate", *map(str, words)])


def test_from_a_recipe_to_batches(recipe, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("plan", recipe, "--workers", 1) == 0
    assert "books    curated" in capsys.readouterr().out and not out.exists()
    assert run("run", recipe, "--out", out, "--workers", 1) == 0
    said = capsys.readouterr().out
    assert "41 records + 0 by splitting = 34 kept" in said and "near.jaccard" in said
    assert f"next     gptengine curate mix {recipe} --out {out}" in said
    assert run("mix", recipe, "--out", out, "--export", "megatron") == 0
    said = capsys.readouterr().out
    assert "wanted  60.00%" in said and f"gptengine pretrain {out / 'tokens'}" in said
    assert (out / "megatron/train.idx").is_file()
    mixture = json.loads((out / "tokens/mixture.json").read_text())
    small = ["--layers", "1", "--model-dim", "16", "--batch", "1", "--steps", "1"]
    small += ["--context", "64", "--sample-every", "0", "--out", str(tmp_path / "model")]
    assert main(["pretrain", str(out / "tokens"), *small]) == 0
    held = sum(s["tokens"] for s in mixture["sources"].values())
    said = " ".join(capsys.readouterr().out.split())
    assert f"{mixture['tokens']:,} tokens to train on of {held:,} in the shards" in said
    assert f"tokens 64: {64 / mixture['tokens']:.1f} epochs" in said
    assert run("run", recipe, "--out", out, "--workers", 1) == 0  # the mixture stays in the report
    said = capsys.readouterr().out
    assert "mixture" in said and f"next     gptengine pretrain {out / 'tokens'} --context " in said
    assert run("report", out, "--html", tmp_path / "page.html") == 0
    assert "quality.words" in capsys.readouterr().out and (tmp_path / "page.html").is_file()
    sample = json.loads((out / "report.json").read_text())["samples"]["quality.words"][0]
    assert run("explain", out, "--id", sample["id"]) == 0
    said = capsys.readouterr().out
    assert "FAIL   quality.words" in said and "outcome  dropped: quality.words" in said


def test_two_runs_compared(recipe, tmp_path, capsys):
    strict = json.loads(Path(recipe).read_text()) | {"near": {"jaccard": 1.0}}
    (tmp_path / "strict.json").write_text(json.dumps(strict))
    for name, path in (("a", recipe), ("b", tmp_path / "strict.json")):
        assert run("run", path, "--out", tmp_path / name, "--workers", 1) == 0
    capsys.readouterr()
    assert run("report", tmp_path / "b", "--diff", tmp_path / "a") == 0
    assert "-1  near.jaccard" in capsys.readouterr().out
    assert run("report", tmp_path / "a", "--diff", tmp_path / "a") == 0
    assert capsys.readouterr().out == "the same counts\n"


def test_a_job_array(recipe, tmp_path, capsys):
    for _ in range(10):
        for i in (1, 2):
            assert (
                run("run", recipe, "--out", tmp_path / "o", "--workers", 1, "--shard", f"{i}/2")
                == 0
            )
        said = capsys.readouterr().out
        if said.count("report   ") == 2:
            break
        assert "of others not" in said or "report   " in said
    assert (tmp_path / "o/report.json").is_file()


@pytest.mark.parametrize(
    "words, says",
    [
        (["run", "none.yaml"], "none.yaml: no such file"),
        (["run", "RECIPE", "--shard", "3/2"], "shard 3/2: it must be from 1 to 2"),
        (["run", "RECIPE", "--wait"], "--wait has no effect without --shard"),
        (["run", "RECIPE", "--memory", "1MiB"], "memory 1,048,576 bytes is too little"),
        (["plan", "RECIPE", "--workers", "-1"], "workers -1 must be at least 0"),
        (["mix", "RECIPE", "--out", "nowhere"], "run `gptengine curate run` first"),
        (["report", "nowhere"], "nowhere/report.json: no such file"),
        (["explain", "nowhere", "--id", "x"], "nowhere: no finished run"),
        (["rune", "RECIPE"], "did you mean run?"),
    ],
)
def test_mistakes_exit_with_2(words, says, recipe, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*[recipe if w == "RECIPE" else w for w in words]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "plan", "report", "explain", "mix"])
def test_help_has_examples(command, capsys):
    with pytest.raises(SystemExit) as stop:
        run(command, "--help")
    assert stop.value.code == 0
    assert f"gptengine curate {command}" in capsys.readouterr().out.split("Examples:")[1]
