"""`gptengine sft`: from a base run to a model that answers, and what it refuses."""

import json

import pytest

from gptengine.cli.main import main


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    (folder / "text.txt").write_text("To be, or not to be, that is the question. " * 200)
    sizes = "--tokenizer bytes --layers 1 --heads 1 --model-dim 16 --context 64 --batch 4 --steps 4"
    args = ["pretrain", str(folder / "text.txt"), *sizes.split(), "--sample-every", "0"]
    assert main([*args, "--out", str(folder / "run"), "--lr", "0.01"]) == 0
    lines = [dict(prompt=f"Is it {i}?", completion="It is.") for i in range(20)]
    (folder / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_a_base_becomes_a_model_that_answers(base, tmp_path, capsys):
    args = ["sft", str(base / "run"), str(base / "a.jsonl"), "--out", str(tmp_path / "sft")]
    quick = ["--steps", "4", "--sample-every", "0", "--held-out", "0.3", "--batch-tokens", "128"]
    assert main([*args, *quick]) == 2
    assert "the vocabulary has no control token <|system|>" in capsys.readouterr().err
    assert main([*args, *quick, "--extend"]) == 0
    said = capsys.readouterr().out
    assert "note: 16 control tokens were added" in said
    assert "rate     3 times the 0.001 that" in said and "mix " in said
    assert "nats a token that counts, pretraining text" in said
    assert main([*args, *quick, "--extend"]) == 0
    assert "is finished: 4 steps" in capsys.readouterr().out
    assert main(["generate", str(tmp_path / "sft"), "Hi", "--max-new-tokens", "3"]) == 0


def test_show(base, capsys):
    args = ["sft", str(base / "run"), str(base / "a.jsonl"), "--extend", "--show", "2"]
    assert main(args) == 0
    said = capsys.readouterr().out
    assert "line 1: 7 of 18 tokens count" in said and "<|user|>Is it 1?<|end|>" in said


@pytest.mark.parametrize(
    "args, says",
    [
        (["--times", "1", "2"], "2 --times for 1 files"),
        (["--lr-factor", "-1"], "--lr-factor -1.0 must be 0 or more"),
        (["--show", "-1"], "show -1 must be at least 0"),
        (["--template", "x"], "template 'x' is none of gptengine"),
    ],
)
def test_what_is_refused(base, capsys, args, says):
    try:
        code = main(["sft", str(base / "run"), str(base / "a.jsonl"), *args])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert says in " ".join(capsys.readouterr().err.replace("│", " ").split())
