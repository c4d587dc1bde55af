"""`gptengine pretrain` and `generate` from text to text, and their errors."""

import json
import signal
import subprocess
import sys

import pytest

from gptengine.cli.main import main
from gptengine.cli.pretrain import ModelOptions
from gptengine.files import locked
from gptengine.train.log import read_log

TEXT = "".join(f"{i} sheep and {i * i} wolves\n" for i in range(600))
SMALL = "--layers 1 --model-dim 16 --heads 2 --context 16 --batch 2 --steps 6 --eval-tokens 64"
SMALL += " --sample-tokens 4 --checkpoint-every 3 --sample-every 3"


@pytest.fixture
def text(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT)
    return tmp_path / "text.txt"


def pretrain(*args):
    return main(["pretrain", *map(str, args), *SMALL.split()])


def error(capsys):
    err = capsys.readouterr().err
    assert err.startswith("gptengine: error: ") and err.count("\n") == 1
    return err


def test_a_tokenizer_that_splits_by_rules(tmp_path, text, capsys):
    train = ["--split", "rules:_?L+|N", "--vocab-size", "300", "--out", str(tmp_path / "tok")]
    assert main(["tokenizer", "train", str(text), *train]) == 0
    assert pretrain(text, "--out", tmp_path / "run", "--tokenizer", tmp_path / "tok") == 0
    assert main(["generate", str(tmp_path / "run"), "7 sheep", "--max-new-tokens", "8"]) == 0
    assert "7 sheep" in capsys.readouterr().out


@pytest.mark.parametrize("tokenizer", ["bytes", "bpe"])
@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_text_to_text(tmp_path, text, tokenizer, architecture, capsys):
    out = tmp_path / "run"
    args = [text, "--out", out, "--tokenizer", tokenizer, "--vocab-size", 300]
    args += ["--architecture", architecture]
    assert pretrain(*args) == 0
    said = capsys.readouterr().out
    for part in ("parameters", "step 6/6", "bits a byte", f"next: gptengine generate {out}"):
        assert part in said
    config = json.loads((out / "best/config.json").read_text())
    assert config["model_type"] == architecture
    assert config["vocab_size"] == (257 if tokenizer == "bytes" else 300)
    assert main(["generate", str(out), "7 sheep", "--max-new-tokens", "8"]) == 0
    first = capsys.readouterr().out
    assert first.startswith("7 sheep")
    main(["generate", str(out / "best"), "7 sheep", "--max-new-tokens", "8"])
    out_and_err = capsys.readouterr()
    assert out_and_err.out == first and not out_and_err.err
    main(["generate", str(out), "7 sheep", "--max-new-tokens", "8", "--draft", "ngram"])
    assert capsys.readouterr().out == first
    assert main(["generate", str(out), "7 sheep", "--draft", str(out / "best")]) == 0
    capsys.readouterr()
    assert main(["generate", str(out), "7", "--draft", "ngram", "--draft-tokens", "99"]) == 2
    assert "draft_tokens 99 must be from 1 to 32" in error(capsys)
    main(["generate", str(out), "7 sheep", "--max-new-tokens", "99"])
    assert "the model's context of 16 tokens is full" in capsys.readouterr().err
    assert pretrain(*args) == 0
    assert "is finished: 6 steps" in capsys.readouterr().out


def test_shards_and_their_tokenizer_are_used_again(tmp_path, text, capsys):
    assert pretrain(text, "--out", tmp_path / "a", "--vocab-size", 300) == 0
    assert pretrain(tmp_path / "a/data", "--out", tmp_path / "b") == 0
    first, second = (read_log(tmp_path / run / "run.jsonl") for run in "ab")
    losses = [[r["loss"] for r in records if "loss" in r] for records in (first, second)]
    assert losses[0] == losses[1]
    assert not (tmp_path / "b/data").exists()
    for flag, value in (("--tokenizer", "bytes"), ("--vocab-size", 300), ("--held-out", 0.2)):
        assert pretrain(tmp_path / "a/data", "--out", tmp_path / "c", flag, value) == 2
        assert f"{flag} {value} has no effect" in error(capsys)


def test_wrong_input_takes_one_line(tmp_path, text, capsys):
    out = tmp_path / "run"
    assert pretrain("--out", out) == 2
    assert "no data" in error(capsys)
    assert pretrain(tmp_path / "none.txt", "--out", out) == 2
    assert "none.txt: no such file" in error(capsys)
    assert pretrain(text, "--out", out, "--tokenizer", tmp_path / "tok") == 2
    assert f"--tokenizer {tmp_path / 'tok'} is neither bpe nor bytes" in error(capsys)
    (tmp_path / "folder").mkdir()
    assert pretrain(text, "--out", out, "--tokenizer", tmp_path / "folder") == 2
    assert "folder: no tokenizer in this folder" in error(capsys)
    assert pretrain(text, "--out", text) == 2
    assert f"{text}: a file stands where a folder should be" in error(capsys)
    assert pretrain(text, "--out", text / "run") == 2
    assert "run: a file stands where a folder should be" in error(capsys)
    (tmp_path / "empty.txt").touch()
    assert pretrain(tmp_path / "empty.txt", "--out", out) == 2
    assert "empty.txt: there is no text in it" in error(capsys)
    assert pretrain(text, "--out", out, "--held-out", 0.9) == 2
    assert "--held-out 0.9 must be from 0 to 0.5" in error(capsys)
    assert pretrain(text, "--out", out, "--vocab-size", 10) == 2
    assert "vocab_size 10" in error(capsys)
    assert pretrain(text, "--out", out, "--vocab-size", 300, "--lr", -1.0) == 2
    assert "lr -1.0" in error(capsys)
    assert pretrain(text, "--out", out, "--vocab-size", 300, "--kv-heads", 3) == 2
    assert "heads 2 is not a multiple of kv_heads 3" in error(capsys)
    assert not out.exists()  # nothing that was refused left a folder
    huge = ["--tokenizer", "bytes", "--layers", "100", "--model-dim", "65536"]
    assert main(["pretrain", str(text), "--out", str(tmp_path / "huge"), *huge]) == 2
    assert "memory: the plan takes" in error(capsys)
    with pytest.raises(SystemExit) as stop:
        pretrain(text, "--out", out, "--architecture", "rnn")
    assert stop.value.code == 2 and "qwen3" in capsys.readouterr().err
    assert main(["generate", str(tmp_path / "none")]) == 2
    assert "no such model folder" in error(capsys)


SIZES = "layers model-dim heads kv-heads hidden-dim context-length vocab-size steps batch"
SIZES += " accumulate context warmup guard-window eval-every eval-tokens sample-every sample-tokens"
SIZES += " checkpoint-every keep"


@pytest.mark.parametrize("value", [10**20, -(10**20), 3 * 10**9])
def test_numbers_without_measure_take_one_line(tmp_path, text, value, capsys):
    for name in SIZES.split():
        assert (
            main(["pretrain", str(text), "--out", str(tmp_path / "run"), f"--{name}", f"{value}"])
            == 2
        )
        assert f"{name.replace('-', '_')} {value} must be at" in error(capsys)
    for name in ("max-new-tokens", "top-k"):
        assert main(["generate", "none", f"--{name}", str(value)]) == 2
        assert f"{name.replace('-', '_')} {value} must be at" in error(capsys)
    assert not (tmp_path / "run").exists()


def test_the_largest_numbers_of_tokens_are_fine(tmp_path, text, capsys):
    assert pretrain(text, "--out", tmp_path / "run", "--tokenizer", "bytes") == 0
    capsys.readouterr()
    most = [f"--{name}={2**31 - 1}" for name in ("max-new-tokens", "top-k")]
    assert main(["generate", str(tmp_path / "run"), "7 sheep", *most]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("7 sheep") and "Warning" not in err


def test_heads_that_were_not_asked_for_fit():
    for dim, heads in ((384, 6), (200, 2), (100, 1), (16, 1)):
        assert ModelOptions(model_dim=dim).config(300, 16).heads == heads
    for dim, heads, says in (
        (384, 5, "model_dim 384 is not a multiple of heads 5"),
        (384, 1, "model_dim 384 / heads 1 = head_dim 384 must be at most 256"),
    ):
        with pytest.raises(ValueError, match=says):
            ModelOptions(model_dim=dim, heads=heads).config(300, 16)


def test_a_small_vocabulary_and_strange_bytes_are_said(tmp_path, capsys):
    (tmp_path / "text").mkdir()
    (tmp_path / "text/a.txt").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "text/b.md").touch()
    assert pretrain(tmp_path / "text", "--out", tmp_path / "run", "--vocab-size", 5000) == 0
    out, err = capsys.readouterr()
    assert "not the 5,000 of --vocab-size" in out
    assert err.startswith(f"warning: {tmp_path}/text: not read: b.md (1 in all)")
    assert "a.txt: 50% of its first bytes are NUL or not UTF-8: it looks like binary data" in err


def test_changed_settings_are_refused(tmp_path, text, capsys):
    args = [text, "--out", tmp_path / "run", "--vocab-size", 300]
    assert pretrain(*args) == 0
    capsys.readouterr()
    assert pretrain(*args[:-1], 310) == 2
    assert "made with vocab_size 300, now it is 310" in error(capsys)
    assert pretrain(*args, "--lr", 0.5) == 2
    assert "lr is 0.5, but" in error(capsys)


def test_help_shows_the_choices(capsys):
    with pytest.raises(SystemExit):
        main(["pretrain", "--help"])
    said = capsys.readouterr().out
    for choices in ("{gpt2,llama,qwen3}", "{float32,bfloat16}", "{cpu,cuda}", "{cosine,wsd}"):
        assert choices in said


SLOW = """
import os, sys
from gptengine.cli.main import main
from gptengine.data import write

encode = write.ShardWriter._flush

def flush(split):
    encode(split)
    print("half", flush=True)
    sys.stdin.readline()

write.ShardWriter._flush = flush
write.BATCH = 1000
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_text_is_prepared_leaves_nothing(tmp_path, text, number, code):
    out = tmp_path / "run"
    args = ["pretrain", str(text), "--out", str(out), "--tokenizer", "bytes"]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.stdout.readline() != "half\n":
        assert process.poll() is None
    assert [p.name for p in out.glob(".data.partial-*/*.tok")]
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err == f"interrupted; to go on: gptengine {' '.join(args)}\n"
    assert not out.exists()


def test_two_preparations_in_one_folder_are_refused(tmp_path, text, capsys):
    (tmp_path / "run").mkdir()
    with locked(tmp_path / "run"):
        assert pretrain(text, "--out", tmp_path / "run") == 2
    assert "another process is training there" in error(capsys)
    assert not (tmp_path / "run/data").exists()
