"""`gptengine tokenizer encode | decode`: ids and back, files and pipes."""

import gzip
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from cli.commands import TEXT, error, tokenizer
from gptengine.cli.main import main
from gptengine.cli.tokenizer import decode
from gptengine.cli.tokenizer.encode import write_offsets
from gptengine.data import write_shards
from gptengine.tokenizer import Tokenizer
from text import pieces


@pytest.fixture
def stdin(monkeypatch):
    def give(data):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))

    return give


def test_ids_and_back(folder, tmp_path, stdin, capfdbinary):
    tok = Tokenizer.load(folder / "tok")
    want = tok.encode("Hausaufgaben ä\n").tolist()
    assert tokenizer("encode", folder / "tok", "Hausaufgaben ä\n") == 0
    line = capfdbinary.readouterr().out
    assert line == (" ".join(map(str, want)) + "\n").encode()
    for data in (line, json.dumps({"ids": want}).encode(), str(want).encode()):
        stdin(data)
        assert tokenizer("decode", folder / "tok", "-") == 0
        assert capfdbinary.readouterr().out == "Hausaufgaben ä\n".encode()
    assert tokenizer("decode", folder / "tok", *want) == 0
    assert capfdbinary.readouterr().out == "Hausaufgaben ä\n".encode()
    stdin("Hausaufgaben ä\n".encode())
    assert tokenizer("encode", folder / "tok", "-", "--format", "json", "--offsets") == 0
    found = json.loads(capfdbinary.readouterr().out)
    assert found["ids"] == want and found["offsets"][-1] == [15, 16]
    assert tokenizer("encode", folder / "tok", "ä", "--offsets") == 0
    assert capfdbinary.readouterr().out == b"195\t0\t1\t\\xc3\n164\t1\t2\t\\xa4\n"
    assert tokenizer("encode", "bytes", "a<|endoftext|>", "--specials", "allow") == 0
    assert capfdbinary.readouterr().out == b"97 256\n"
    assert tokenizer("decode", "bytes", "97,195", "--errors", "bytes") == 0
    assert capfdbinary.readouterr().out == b"a\xc3"
    assert tokenizer("decode", "bytes", 97, 195, "--errors", "ignore") == 0
    assert capfdbinary.readouterr().out == b"a"


@pytest.mark.parametrize("name", ["x.bin", "x.npy", "x.json", "x.ids"])
def test_files_and_back(folder, tmp_path, name, monkeypatch, capsys):
    monkeypatch.setattr("gptengine.cli.tokenizer.decode.CHUNK", 100)
    monkeypatch.setattr("gptengine.cli.tokenizer.encode.CHUNK", 100)
    ids, back = tmp_path / name, tmp_path / "back.txt"
    assert tokenizer("encode", folder / "tok", "--file", folder / "text.txt", "--out", ids) == 0
    assert str(ids) in capsys.readouterr().out
    assert tokenizer("decode", folder / "tok", "--file", ids, "--out", back) == 0
    assert back.read_text() == TEXT
    want = Tokenizer.load(folder / "tok").encode(TEXT)
    if name == "x.bin":
        assert np.array_equal(np.fromfile(ids, np.uint16), want)
    if name == "x.npy":
        assert np.array_equal(np.load(ids), want)


def test_files_that_are_not_encoded_as_they_are(folder, tmp_path, capsys):
    (tmp_path / "a.txt.gz").write_text("")
    assert tokenizer("encode", folder / "tok", "--file", tmp_path / "a.txt.gz") == 2
    assert "a.txt.gz is packed" in error(capsys)
    for name in ("a.txt", "a.bin"):
        (tmp_path / name).write_text("text")
        args = ["--file", tmp_path / name, "--out", tmp_path / name]
        assert tokenizer("encode", folder / "tok", *args) == 2
        assert "--out is the file to read" in error(capsys)
        assert (tmp_path / name).read_text() == "text"
    (tmp_path / "strange.txt").write_bytes(bytes(range(256)))
    assert tokenizer("encode", folder / "tok", "--file", tmp_path / "strange.txt") == 0
    assert "50% of its first bytes are NUL or not UTF-8" in capsys.readouterr().err


def test_the_suffix_says_the_format_and_folders_are_made(tmp_path, capsys):
    ids = tmp_path / "new/a/x.foo"
    assert tokenizer("encode", "bytes", "ab", "--out", ids) == 2
    assert "x.foo: .foo says no format: give --format, or one of .npy, .bin" in error(capsys)
    assert not (tmp_path / "new").exists()
    assert tokenizer("encode", "bytes", "ab", "--out", ids, "--format", "bin") == 0
    assert ids.read_bytes() == b"a\0b\0"
    for name in ("ids-v1.5", "ids", "x.txt", "x.ids"):
        assert tokenizer("encode", "bytes", "ab", "--out", tmp_path / name) == 0
        assert (tmp_path / name).read_text() == "97 98\n"
    assert tokenizer("decode", "bytes", "97", "--out", tmp_path / "b/c/text") == 0
    assert (tmp_path / "b/c/text").read_text() == "a"


def test_an_empty_text_has_no_ids(tmp_path, stdin, capfdbinary):
    stdin(b"")
    (tmp_path / "empty.txt").touch()
    for args in ([""], ["-"], ["--file", tmp_path / "empty.txt"]):
        for more in ([], ["--offsets"]):
            assert tokenizer("encode", "bytes", *args, *more, "--format", "json") == 0
            assert json.loads(capfdbinary.readouterr().out)["ids"] == []
    assert tokenizer("encode", "bytes") == 2
    assert b"no text: give it" in capfdbinary.readouterr().err


@pytest.mark.parametrize("packed", [False, True])
def test_documents_are_encoded(tmp_path, packed, capsys):
    lines = "".join(json.dumps({"body": text}) + "\n" for text in ("ab", "é", "x<|endoftext|>"))
    name = tmp_path / ("a.jsonl.gz" if packed else "a.jsonl")
    name.write_bytes(gzip.compress(lines.encode()) if packed else lines.encode())
    args = ["encode", "bytes", "--file", name, "--field", "body"]
    assert tokenizer(*args, "--specials", "text", "--out", tmp_path / "a.bin") == 0
    parts = [[*b"ab", 256], [*"é".encode(), 256], [*b"x<|endoftext|>", 256]]
    assert np.fromfile(tmp_path / "a.bin", np.uint16).tolist() == sum(parts, [])
    capsys.readouterr()
    for more, says in (
        ([], "<|endoftext|> stands at byte 1 of document 3: give --specials text"),
        (["--field", "text"], f"{name}: line 1 has no field 'text', only ['body']"),
        (["--offsets"], "--offsets are those of one text, and"),
    ):
        assert tokenizer(*args, *more) == 2
        assert says in error(capsys)


def test_ranks_are_named_with_their_split(folder, tmp_path, capsys):
    out = tmp_path / "o.tiktoken"
    assert tokenizer("train", folder / "text.txt", "--vocab-size", 285, "--out", out) == 0
    said = capsys.readouterr().out
    assert f"inspect {out}:gpt2 " in said and "gptengine pretrain" not in said
    assert f"{out} says neither its split nor its special tokens" in said
    assert tokenizer("encode", f"{out}:gpt2", "die") == 0
    assert "does not say its special tokens" in capsys.readouterr().err


def test_a_split_by_rules(folder, tmp_path, capsys):
    text, out, split = folder / "text.txt", tmp_path / "o.tiktoken", "rules:_?L+|N{1,3}|S+"
    assert tokenizer("train", text, "--vocab-size", 285, "--out", out, "--split", split) == 0
    assert f"inspect '{out}:{split}' " in capsys.readouterr().out
    assert tokenizer("encode", f"{out}:{split}", "die") == 0
    capsys.readouterr()
    assert tokenizer("train", text, "--out", tmp_path / "folder", "--split", split) == 0
    assert tokenizer("encode", tmp_path / "folder", "die") == 0
    capsys.readouterr()
    assert tokenizer("train", text, "--out", tmp_path / "a.gguf", "--split", split) == 2
    assert f"GGUF has no name for the split '{split}'" in error(capsys)
    assert tokenizer("train", text, "--out", out, "--memory", "9" * 400) == 2
    assert "memory='999" in error(capsys)
    assert tokenizer("train", text, "--out", out, "--split", "rules:Q") == 2
    assert "in the rules Q there is no character class at 0" in error(capsys)


def test_shards_are_decoded(folder, tmp_path, capsys):
    tok = Tokenizer.load(folder / "tok")
    write_shards([TEXT], tmp_path / "shards", tok, held_out=0)
    shard = tmp_path / "shards" / "train-00000.tok"
    assert tokenizer("decode", tmp_path / "shards", "--file", shard) == 0
    assert capsys.readouterr().out == TEXT + "<|endoftext|>"
    assert tokenizer("decode", "bytes", "--file", shard) == 2
    assert "written with a vocabulary of 280 tokens, this one has 257" in error(capsys)


def test_what_cannot_be_encoded_or_decoded(folder, tmp_path, stdin, capsys):
    tok = folder / "tok"
    assert tokenizer("encode", tok) == 2
    assert "no text" in error(capsys)
    assert tokenizer("encode", tok, "a", "--file", "b") == 2
    assert "not both" in error(capsys)
    assert tokenizer("encode", tmp_path / "none", "a") == 2
    assert "none" in error(capsys)
    assert tokenizer("encode", tok, "--file", tmp_path / "none.txt") == 2
    assert "none.txt: no such file" in error(capsys)
    assert tokenizer("encode", tok, "ab<|endoftext|>") == 2
    assert "the special token <|endoftext|> stands at byte 2; specials" in error(capsys)
    assert tokenizer("encode", tok, "a", "--format", "bin", "--offsets") == 2
    assert "--offsets goes with the formats ids and json, not with bin" in error(capsys)
    assert tokenizer("encode", tok, "a", "--out", folder / "text.txt" / "x.bin") == 2
    assert "a file stands where a folder should be" in error(capsys)
    assert tokenizer("decode", tok) == 2
    assert "give ids" in error(capsys)
    assert tokenizer("decode", tok, 5, "--format", "bin") == 2
    assert "--format bin goes with --file or -, not with ids" in error(capsys)
    for kind, says in (
        ("bin", "3 bytes are not a number of uint16"),
        ("npy", "standard input: no .npy of ids, or truncated: "),
    ):
        stdin(b"abc")
        assert tokenizer("decode", tok, "-", "--format", kind) == 2
        assert says in error(capsys)
    assert tokenizer("decode", tok, 5, 300) == 2
    assert "token id 300 at 1 is not in the vocabulary of 280" in error(capsys)
    assert tokenizer("decode", tok, "5 x") == 2
    assert "'x' is not a token id" in error(capsys)
    assert tokenizer("decode", "bytes", 195, "--errors", "strict") == 2
    assert "can't decode byte 0xc3" in error(capsys)
    stdin(b"{")
    assert tokenizer("decode", tok, "-") == 2
    assert "standard input: not JSON" in error(capsys)
    for name, data, says in (
        ("a.bin", b"abc", "3 bytes are not a number of uint16 ids: truncated?"),
        ("a.npy", b"abc", "a.npy"),
        ("a.tok", b"abc", "not a token shard"),
    ):
        (tmp_path / name).write_bytes(data)
        assert tokenizer("decode", tok, "--file", tmp_path / name) == 2
        assert says in error(capsys)
    np.save(tmp_path / "b.npy", np.zeros((2, 2)))
    assert tokenizer("decode", tok, "--file", tmp_path / "b.npy") == 2
    assert "float64 of shape (2, 2)" in error(capsys)
    (tmp_path / "c.bin").write_bytes(np.array([7, 999], np.uint16).tobytes())
    assert tokenizer("decode", tok, "--file", tmp_path / "c.bin", "--out", tmp_path / "c.txt") == 2
    assert "token id 999 at 1" in error(capsys)
    assert not (tmp_path / "c.txt").exists()


def test_the_tokenizer_of_a_run_is_found(tmp_path, folder, capsys):
    small = "--layers 1 --model-dim 16 --heads 2 --context 16 --batch 2 --steps 2 --eval-tokens 64"
    args = [folder / "text.txt", "--out", tmp_path / "run", "--tokenizer", folder / "tok"]
    assert main(["pretrain", *map(str, args), *small.split(), "--sample-tokens", "2"]) == 0
    capsys.readouterr()
    assert tokenizer("encode", tmp_path / "run", "die") == 0
    from_run = capsys.readouterr().out
    tokenizer("encode", folder / "tok", "die")
    assert capsys.readouterr().out == from_run


@pytest.mark.parametrize("kind", ["auto", "bin", "npy"])
def test_a_pipe_of_processes(folder, kind):
    """What leaves one process enters the next, with bytes that are no UTF-8."""
    run = [sys.executable, "-m", "gptengine", "tokenizer"]
    data = b"die \xff\xc3 Aufgaben\x00\n"
    encoded = subprocess.run(
        [*run, "encode", folder / "tok", "-", "--format", kind], input=data, capture_output=True
    )
    decoded = subprocess.run(
        [*run, "decode", folder / "tok", "-", "--errors", "bytes", "--format", kind],
        input=encoded.stdout,
        capture_output=True,
    )
    assert (encoded.returncode, decoded.returncode, decoded.stdout) == (0, 0, data)


@pytest.mark.parametrize("chunk", [1, 2, 3])
@pytest.mark.parametrize("kind", ["words", "first", "always", "every"])
def test_text_is_decoded_in_parts(kind, chunk, tmp_path, monkeypatch):
    """The space between two words may stand between two parts."""
    monkeypatch.setattr("gptengine.cli.tokenizer.decode.CHUNK", chunk)
    if kind == "words":
        tok = Tokenizer.train("low lower low lower", vocab_size=30, split="words")
    else:
        tok = pieces.tokenizer(kind)
    tok.save(tmp_path / "tok")
    ids = tok.encode("low lower loz</s> low the low", specials="allow")
    out = tmp_path / "out"
    assert tokenizer("decode", tmp_path / "tok", *ids.tolist(), "--out", out) == 0
    assert out.read_text() == tok.decode(ids)


def test_what_is_read_is_not_written_over(folder, tmp_path, capsys):
    """Nor the tokenizer in use, under any name of the file."""
    Tokenizer.load(folder / "tok").save(tmp_path / "tok")
    ids, text, used = tmp_path / "x.bin", tmp_path / "x.txt", tmp_path / "tok/tokenizer.json"
    ids.write_bytes(b"a\0b\0")
    text.write_bytes(b"die Aufgaben")
    (tmp_path / "link").symlink_to("x.bin")
    before = used.read_bytes()
    tok = tmp_path / "tok"
    for args, said in [
        (["decode", tok, "--file", ids, "--out", ids], "--out is the file to read"),
        (["decode", tok, "--file", ids, "--out", tmp_path / "link"], "--out is the file to read"),
        (["decode", tok, 97, "--out", used], "--out is the tokenizer in use"),
        (["encode", tok, "die", "--out", used], "--out is the tokenizer in use"),
        (["inspect", tok, "--files", text, "--html", text], "--html is the file to read"),
        (["inspect", tok, "--files", tmp_path, "--html", text], "--html is the file to read"),
        (["inspect", tok, "die", "--html", used], "--html is the tokenizer in use"),
        (["compare", "bytes", tok, "--files", text, "--html", text], "--html is the file to read"),
        (["compare", "bytes", tok, "die", "--html", used], "--html is the tokenizer in use"),
    ]:
        assert tokenizer(*args) == 2
        assert said in error(capsys)
    with pytest.raises(ValueError, match="the target is the file to read"):
        Tokenizer.bytes().encode_file(text, text)
    assert ids.read_bytes() == b"a\0b\0" and text.read_bytes() == b"die Aufgaben"
    assert used.read_bytes() == before


def test_offsets_say_how_far_they_are(monkeypatch):
    class Lines(list):
        def show(self, line):
            self.append(line())

    monkeypatch.setattr("gptengine.cli.tokenizer.encode.CHUNK", 2)
    tok, lines = Tokenizer.bytes(), Lines()
    ids, offsets = tok.encode_with_offsets(b"abc")
    assert write_offsets(io.BytesIO(), "ids", tok, ids, offsets, lines) == 3
    assert lines == ["writing 0 of 3 tokens", "writing 2 of 3 tokens"]


def test_decoding_says_how_far_it_is(monkeypatch):
    monkeypatch.setattr(decode, "PART", 4)
    monkeypatch.setattr(decode, "CHUNK", 2)
    lines, out = [], io.BytesIO()
    told = lambda line: lines.append(line())
    ids = decode.parse_ids("here", " [97, 98,\n99] ", told)
    assert ids.tolist() == [97, 98, 99] and lines == ["reading  0 of 0 MB"] * 2
    decode.write(out, Tokenizer.bytes(), ids, "replace", told)
    assert lines[2:] == ["decoding 0 of 3 tokens", "decoding 2 of 3 tokens"]
    assert out.getvalue() == b"abc"
    for text in ("97 98 1x 99", "97 98 99 1_0", "97 98 99 1234567890123456789", "97 98 ٣"):
        with pytest.raises(ValueError, match="here: .* is not a token id"):
            decode.parse_ids("here", text)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc")
def test_standard_output_by_its_name_is_not_replaced(tmp_path):
    run = [sys.executable, "-m", "gptengine", "tokenizer"]
    with open(tmp_path / "out", "wb") as out:
        for args in (["encode", "bytes", "ab"], ["decode", "bytes", "97", "98"]):
            subprocess.run([*run, *args, "--out", "/dev/stdout"], stdout=out, check=True)
    assert (tmp_path / "out").read_bytes() == b"97 98\nab"
