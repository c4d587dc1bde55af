"""--specials of the commands that read text: one default, and what its three words mean."""

import io
import re
import sys

import numpy as np
import pytest

from cli.commands import error, tokenizer
from gptengine.cli.tokenizer import encode
from gptengine.tokenizer import Tokenizer

TEXT = "ä <|endoftext|>die"
REFUSED = "the special token <|endoftext|> stands at byte 3"
COMMANDS = [
    ("encode", ()),
    ("encode", ("--offsets",)),
    ("inspect", ()),
    ("compare", ("bytes",)),
]


@pytest.mark.parametrize("command, more", COMMANDS)
def test_they_are_refused_until_it_is_said(folder, command, more, capsys):
    args = [folder / "tok", TEXT, *more] if command == "encode" else [folder / "tok", *more, TEXT]
    assert tokenizer(command, *args) == 2
    said = error(capsys)
    assert REFUSED in said and "--specials text" in said and "allow" in said
    for specials in ("text", "allow"):
        assert tokenizer(command, *args, "--specials", specials) == 0
    capsys.readouterr()


@pytest.mark.parametrize("command, other", [("inspect", ()), ("compare", ("bytes",))])
def test_they_are_refused_in_files(folder, tmp_path, command, other, capsys):
    file = tmp_path / "a.jsonl"
    file.write_text(f'{{"text": "die"}}\n{{"text": "{TEXT}"}}\n')
    args = [command, folder / "tok", *other, "--files", file, "--html", tmp_path / "x.html"]
    assert tokenizer(*args) == 2
    assert f"{file}: {REFUSED} of document 2: give --specials text" in error(capsys)
    sizes = []
    for specials in ("text", "allow"):
        assert tokenizer(*args, "--specials", specials) == 0
        sizes.append(int(capsys.readouterr().out.splitlines()[1].split()[2]))
    assert sizes[0] > sizes[1]


def test_a_tree_does_not_cut_a_control_token(folder, capsys):
    for specials, trees in ("allow", 1), ("text", 0):
        assert tokenizer("inspect", folder / "tok", TEXT[2:], "--specials", specials) == 0
        said = capsys.readouterr().out
        assert said.split("bytes a token")[1].count("<|endoftext|>  id 279\n") == trees


def test_training_measures_them_as_tokens(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("die Aufgaben\n<|endoftext|>" * 500)
    args = ["--vocab-size", 280, "--held-out", 0, "--out", tmp_path / "tok"]
    assert tokenizer("train", tmp_path / "a.txt", *args) == 0
    said = capsys.readouterr().out
    assert re.search(r"\na.txt +13,000 +2,000 ", said) and "<|endoftext|>" in said


def test_a_file_and_a_pipe_are_encoded_in_parts(folder, tmp_path, monkeypatch, capfdbinary):
    from gptengine.tokenizer import encode_file

    monkeypatch.setattr(
        encode_file.encode_parts,
        "__kwdefaults__",
        {**encode_file.encode_parts.__kwdefaults__, "block": 1000},
    )
    text = (folder / "text.txt").read_bytes()
    want = Tokenizer.load(folder / "tok").encode(text)
    line = b" ".join(b"%d" % i for i in want.tolist()) + b"\n"
    monkeypatch.setattr(encode, "CHUNK", 100)
    assert tokenizer("encode", folder / "tok", "--file", folder / "text.txt") == 0
    assert capfdbinary.readouterr().out == line
    for name in ("x.bin", "x.json", "x.npy", "x.txt"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
        assert tokenizer("encode", folder / "tok", "-", "--out", tmp_path / name) == 0
        assert f"{len(want):,} tokens: ".encode() in capfdbinary.readouterr().out
    assert (tmp_path / "x.txt").read_bytes() == line
    assert np.array_equal(np.fromfile(tmp_path / "x.bin", np.uint16), want)
    assert np.array_equal(np.load(tmp_path / "x.npy"), want)


def test_progress_of_a_large_file(folder, monkeypatch, capsys):
    from gptengine.cli.tokenizer import progress

    monkeypatch.setattr(progress, "FIRST_SECONDS", 0)
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0)
    args = [folder / "tok", "--file", folder / "text.txt"]
    assert tokenizer("encode", *args) == 0
    assert set(capsys.readouterr().err.splitlines()) == {"encoding 0 of 0 MB, 0s left"}
