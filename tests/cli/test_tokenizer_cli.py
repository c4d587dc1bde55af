"""`gptengine tokenizer` and `tokenizer train`: from text to a vocabulary, and its errors."""

import gzip
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from cli.commands import TEXT, error, tokenizer
from gptengine.cli.tokenizer.corpus import Source, first_texts, text_size
from gptengine.cli.tokenizer.progress import Progress
from gptengine.cli.tokenizer.train import Phases
from gptengine.tokenizer import Tokenizer


def test_groups_of_commands(capsys):
    for args in ([], ["--help"]):
        assert tokenizer(*args) == 0
        said = capsys.readouterr().out
        assert "usage: gptengine tokenizer COMMAND" in said and "  compare " in said
    assert tokenizer("trian") == 2
    assert "unknown command 'tokenizer trian'; did you mean train?" in error(capsys)
    for name in ("train", "encode", "decode", "convert", "inspect", "compare"):
        with pytest.raises(SystemExit) as stop:
            tokenizer(name, "--help")
        said = capsys.readouterr().out
        assert (
            stop.value.code == 0 and f"gptengine tokenizer {name} runs/" in said or "book" in said
        )


def test_training_says_what_it_does(folder, tmp_path, capsys):
    out = tmp_path / "tok"
    assert tokenizer("train", folder / "text.txt", "--out", out, "--vocab-size", 285) == 0
    said, err = capsys.readouterr()
    assert err == ""
    for part in ("plan     1 file, 19,200 bytes; 285 tokens, split gpt2", "learned  285 tokens"):
        assert part in said
    for part in ("peak memory", "longest  ", "often    ", "same text", "tokens/word", "text.txt"):
        assert part in said
    assert f"next     gptengine tokenizer inspect {out}" in said
    tok = Tokenizer.load(out)
    assert tok.vocab_size == 285 and tok.eos_token == "<|endoftext|>"
    assert tok.fingerprint == Tokenizer.train(TEXT, vocab_size=285).fingerprint


def test_options_of_training(folder, tmp_path, capsys):
    text, out = folder / "text.txt", tmp_path / "tok.json"
    options = ["--vocab-size", 300, "--special-tokens", "<|a|>", "<|b|>", "--max-token-length", 3]
    options += ["--min-frequency", 301, "--ties", "bytes", "--memory", "64 MB", "--held-out", 0]
    assert tokenizer("train", text, "--out", out, *options) == 0
    assert "no pair is left that occurs 301 times within --max-token" in capsys.readouterr().out
    tok = Tokenizer.load(out)
    assert [*tok.special_tokens] == ["<|a|>", "<|b|>"]
    learned = [tok.token_bytes(i) for i in range(256, tok.vocab_size - 2)]
    assert learned and max(map(len, learned)) == 3
    assert (
        tokenizer("train", text, "--base", out, "--vocab-size", 400, "--out", tmp_path / "b") == 0
    )
    larger = Tokenizer.load(tmp_path / "b")
    assert [larger.token_bytes(i) for i in range(256, tok.vocab_size)] == [
        *learned,
        b"<|a|>",
        b"<|b|>",
    ]


def test_words_merge_l_and_o_first(tmp_path, capsys):
    (tmp_path / "low.txt").write_text("low lower lowest")
    out = tmp_path / "low"
    options = ["--split", "words", "--vocab-size", 60, "--min-frequency", 1, "--out", out]
    assert tokenizer("train", tmp_path / "low.txt", *options) == 0
    assert tokenizer("inspect", out, "lower") == 0
    said = capsys.readouterr().out
    assert re.search(r"lo  id \d+  merge 0\n.*── l  id \d+\n.*── o  id \d+\n", said)


def test_part_of_a_long_text_is_held_out(tmp_path, capsys):
    lines = [f"{i} sheep and {i * i} wolves\n" for i in range(9000)]
    (tmp_path / "a.txt").write_text("".join(lines))
    (tmp_path / "b.jsonl").write_text("".join(json.dumps({"t": line}) + "\n" for line in lines))
    with gzip.open(tmp_path / "c.txt.gz", "wt") as file:
        file.write("".join(lines))
    assert text_size(tmp_path / "c.txt.gz") == (tmp_path / "a.txt").stat().st_size
    for name in ("a.txt", "b.jsonl", "c.txt.gz"):
        source = Source(str(tmp_path / name), "t", 0.01)
        learned, held = [*map(bytes, source.to_learn_from())], [*source.to_measure_on()]
        assert sum(map(len, held)) == source.held_bytes
        assert 0.005 < source.held_bytes / len("".join(lines)) < 0.015
        assert sorted(b"".join(learned + held).decode().splitlines(True)) == sorted(lines)
    data = [tmp_path / name for name in ("a.txt", "b.jsonl")]
    options = ["--field", "t", "--vocab-size", 300, "--out", tmp_path / "tok"]
    assert tokenizer("train", *data, *options) == 0
    said = capsys.readouterr().out
    assert "held-out text" in said and "\nb.jsonl  " in said
    assert f"b.jsonl --tokenizer {tmp_path / 'tok'} --field t\n" in said


def test_a_large_file_is_not_held_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("gptengine.cli.tokenizer.corpus.LARGE", 1000)
    (tmp_path / "a.txt").write_text("ä" * 50_000)
    source = Source(str(tmp_path / "a.txt"), "text", 0.1)
    (start,) = source.to_learn_from()
    assert 0 < source.held_bytes < 11_000 and start.size % 2 == 0
    assert "ä" * (start.size // 2) + b"".join(source.to_measure_on()).decode() == "ä" * 50_000
    assert [len(text) for text in Source(source.name, "text", 0).to_measure_on()] == [100_000]
    assert tokenizer("train", tmp_path / "a.txt", "--out", tmp_path / "tok") == 0


def test_long_tokens_that_begin_alike_say_their_size(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("a" * 1000)
    assert tokenizer("train", tmp_path / "a.txt", "--out", tmp_path / "tok") == 0
    said = capsys.readouterr().out
    sizes = re.findall(r"a{29}… \((\d+) bytes\)", said.split("\nlongest  ")[1].split("\n")[0])
    assert len(sizes) > 2 and len({*sizes}) == len(sizes)


def test_what_cannot_be_trained(folder, tmp_path, capsys):
    text, out = folder / "text.txt", tmp_path / "new" / "tok"
    assert tokenizer("train", "--out", out) == 2
    assert "no data" in error(capsys)
    assert tokenizer("train", tmp_path / "none.txt", "--out", out) == 2
    assert "none.txt: no such file" in error(capsys)
    assert tokenizer("train", "", "--out", out) == 2
    assert "a path of the texts is empty" in error(capsys)
    assert tokenizer("train", text, "--out", "") == 2
    assert "tokenizer train: --out is empty" in error(capsys)
    assert tokenizer("inspect", "") == 2
    assert "the path is empty" in error(capsys)
    assert tokenizer("train", text, "--out", out, "--split", "foo") == 2
    assert "split 'foo' is not known: choose from gpt2, smollm, " in error(capsys)
    assert tokenizer("train", text, "--out", out, "--special-tokens", "") == 2
    assert "special_tokens has an empty name" in error(capsys)
    assert tokenizer("train", text, "--out", out, "--vocab-size", 7) == 2
    assert "vocab_size 7 must be at least 257" in error(capsys)
    assert tokenizer("train", text, "--out", out, "--memory", "much") == 2
    assert "memory='much'" in error(capsys)
    assert tokenizer("train", text, "--out", out, "--held-out", 0.9) == 2
    assert "--held-out 0.9" in error(capsys)
    assert tokenizer("train", text, "--out", out, "--base", tmp_path / "none") == 2
    assert f"{tmp_path / 'none'}" in error(capsys)
    assert not out.parent.exists()  # nothing that was refused left a folder
    (tmp_path / "file").touch()
    assert tokenizer("train", text, "--out", tmp_path / "file") == 2
    assert f"{tmp_path / 'file'}: a file stands where a folder should be" in error(capsys)
    assert tokenizer("train", text, "--out", tmp_path / "file" / "tok") == 2
    assert "a file stands where a folder should be" in error(capsys)
    (tmp_path / "tok.json").mkdir()
    assert tokenizer("train", text, "--out", tmp_path / "tok.json") == 2
    assert "tok.json: a folder stands where a file should be" in error(capsys)
    assert tokenizer("train", text, "--out", tmp_path / "my.vocab") == 2
    assert f"{tmp_path / 'my.vocab'} must be a folder, vocab.json" in error(capsys)
    (tmp_path / "my.vocab").mkdir()
    assert tokenizer("train", text, "--out", tmp_path / "my.vocab", "--vocab-size", 260) == 0
    assert Tokenizer.load(tmp_path / "my.vocab").vocab_size == 260
    capsys.readouterr()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").touch()
    assert tokenizer("train", text, "--out", tmp_path / "model") == 2
    assert "holds a model made with its own tokenizer" in error(capsys)
    (tmp_path / "empty.txt").touch()
    assert tokenizer("train", tmp_path / "empty.txt", "--out", out) == 2
    out, err = capsys.readouterr()
    assert "there is no text to train on" in err and err.count("\n") == 1


def test_an_interrupted_training_writes_nothing(folder, tmp_path, monkeypatch, capsys):
    train = Tokenizer.train

    def stop(texts, *, progress=None, **options):
        if progress is None:  # the rehearsal
            return train(texts, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(Tokenizer, "train", stop)
    assert tokenizer("train", folder / "text.txt", "--out", tmp_path / "new" / "tok") == 130
    assert "interrupted" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_the_first_bytes_of_each_text(tmp_path):
    (tmp_path / "a.txt").write_text("ä" * 10)
    (tmp_path / "b.jsonl").write_text('{"text": "漢漢"}\n{"text": ""}\n{"text": "x"}\n')
    first = lambda name, most: [t.decode() for t in first_texts(str(tmp_path / name), "text", most)]
    assert first("a.txt", 7) == ["äää"]
    assert first("b.jsonl", 5) == ["漢"]
    assert first("b.jsonl", 100) == ["漢漢", "", "x"]
    assert first("", 24) == ["ä" * 10, "漢"]


def test_text_through_a_pipe(folder, tmp_path, capfd):
    for name in ("-", "/dev/stdin"):
        run = [sys.executable, "-m", "gptengine", "tokenizer", "train", name, "--vocab-size", "285"]
        run += ["--out", str(tmp_path / "tok")]
        subprocess.run(run, input=TEXT.encode(), check=True)
        said, err = capfd.readouterr()
        assert "plan     1 file, 19,200 bytes" in said and err == ""
        assert f"\n{name.removeprefix('/dev/')} " in said and "gptengine pretrain" not in said
        assert Tokenizer.load(tmp_path / "tok") == Tokenizer.train(TEXT, vocab_size=285)
        subprocess.run(run, input=TEXT.encode("utf-16"), check=True)
        assert capfd.readouterr().err.startswith(f"warning: {name}: 50% of its first bytes")
        with open(folder / "text.txt") as file:
            subprocess.run(run, stdin=file, check=True)
        assert "plan     1 file, 19,200 bytes" in capfd.readouterr().out


def test_files_that_are_named_and_files_of_folders(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("gptengine.cli.tokenizer.corpus.LARGE", 1000)
    for name in ("a.txt", "README.md", "notes/b.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TEXT)
    options = ["--vocab-size", 280, "--out", tmp_path / "tok"]
    assert tokenizer("train", tmp_path / "README.md", *options) == 0
    said, err = capsys.readouterr()
    assert "plan     1 file, 19,200 bytes" in said and err == ""
    assert tokenizer("train", tmp_path, "--vocab-size", 280, "--out", tmp_path / "tok.json") == 0
    said, err = capsys.readouterr()
    assert "plan     1 file, 19,200 bytes" in said
    assert f"warning: {tmp_path}: not read: README.md, notes/b.md" in err and "3 in all" not in err
    assert tokenizer("train", tmp_path / "notes", *options) == 2
    assert "the folder holds no .txt, " in (said := error(capsys)) and "read: b.md (1 in" in said


def test_broken_lines_end_a_training(tmp_path, capsys):
    (tmp_path / "a.jsonl").write_text('{"text": "fine"}\n{"text": 3}\n')
    assert tokenizer("train", tmp_path / "a.jsonl", "--out", tmp_path / "new" / "tok") == 2
    out, err = capsys.readouterr()
    assert "a.jsonl: line 2: field 'text' is int, not a string" in err and err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_little_memory_is_said(tmp_path, capsys):
    rng = np.random.default_rng(0)
    words = rng.integers(97, 123, size=(200_000, 9)).astype(np.uint8)
    words[:, -1] = ord(" ")
    (tmp_path / "a.txt").write_bytes(words.tobytes())
    options = ["--memory", "4MB", "--vocab-size", 300, "--out", tmp_path / "tok"]
    assert tokenizer("train", tmp_path / "a.txt", *options) == 0
    err = capsys.readouterr().err
    assert err.startswith("warning: ") and err.count("\n") == 1 and "did not fit" in err


def test_progress_tells_the_time_that_is_left(capsys):
    from rich.console import Console

    progress = Progress(Console())
    line = Phases(progress, 100_000_000).line
    assert line("count", 25_000_000, None, 10.0) == "counting 25 of 100 MB, 30s left"
    assert line("count", 250_000_000, None, 10.0) == "counting 250 of 250 MB, 0s left"
    assert line("merge", 500, 1000, 60.0) == "merging  500 of 1,000, 1m 00s left"
    assert line("merge", 0, 1000, 0.0) == "merging  0 of 1,000"
    with progress:
        progress.show(lambda: "soon")
        assert capsys.readouterr().out == ""  # not yet
        progress.begin -= 10
        progress.last -= 10
        progress.show(lambda: "now")
        progress.show(lambda: "not again")
    assert capsys.readouterr().out == "now\n"


def test_strange_bytes_are_said(tmp_path, capsys):
    (tmp_path / "a.txt").write_bytes(bytes(range(256)) * 40)
    assert tokenizer("train", tmp_path / "a.txt", "--out", tmp_path / "tok") == 0
    err = capsys.readouterr().err
    assert "a.txt: 50% of its first bytes are NUL or not UTF-8: it looks like binary data" in err


def test_text_in_another_encoding_is_said(tmp_path, capsys):
    for name, looks in (("latin-1", "Latin-1 or another"), ("utf-16", "UTF-16;")):
        (tmp_path / "a.txt").write_bytes((TEXT + "Größe über Häuser\n" * 300).encode(name))
        assert tokenizer("train", tmp_path / "a.txt", "--out", tmp_path / "tok") == 0
        err = capsys.readouterr().err
        assert f"it looks like {looks}" in err and "shows as U+FFFD" in err


def test_training_says_what_it_replaces(folder, tmp_path, capsys):
    for out, again in (
        (tmp_path / "tok", ", a tokenizer of 270 tokens"),
        (tmp_path / "x.tiktoken", ""),
    ):
        for said in ("", f"note     replaces {out}{again}\n"):
            assert tokenizer("train", folder / "text.txt", "--out", out, "--vocab-size", 270) == 0
            found = capsys.readouterr().out
            assert said in found and ("replaces" in found) == bool(said)


def test_help_says_how_rules_are_written(tmp_path, capsys):
    with pytest.raises(SystemExit):
        tokenizer("train", "--help")
    said = re.sub(r"[\s│]+", " ", capsys.readouterr().out)
    assert "which no other program reads: 'rules:L+|N{1,3}|...'" in said and "become <unk>" in said
    tok = Tokenizer.train(TEXT, vocab_size=270, split="rules:L+|N{1,3}")
    with pytest.raises(ValueError, match="GGUF has no name for the split"):
        tok.save(tmp_path / "x.gguf")
