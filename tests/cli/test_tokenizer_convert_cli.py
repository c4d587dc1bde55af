"""`gptengine tokenizer convert`: what it writes and says, and what it refuses."""

import json

import numpy as np
import pytest

from cli.commands import TEXT, error, tokenizer
from gptengine.tokenizer import Tokenizer

EOT = "<|endoftext|>"


@pytest.mark.parametrize("name", ["f", "a.json", "vocab.json", "a.gguf", "a.tiktoken"])
def test_there_and_back(folder, tmp_path, name, capsys):
    out, back = tmp_path / name, tmp_path / "back"
    assert tokenizer("convert", folder / "tok", out) == 0
    said = capsys.readouterr().out
    for part in (f"saved    {out}\n", "tokens   280, split gpt2\n", f"special  {EOT} 279\n"):
        assert part in said
    assert "merges   by list and by id agree\n" in said
    more = [":gpt2"] if name.endswith(".tiktoken") else [""]
    assert f"next     gptengine tokenizer inspect {out}{more[0]} " in said
    assert ("neither its split nor its special tokens" in said) == (more[0] != "")
    options = ["--special-token", f"{EOT}=279"] if more[0] else []
    assert tokenizer("convert", f"{out}{more[0]}", back, *options) == 0
    out, err = capsys.readouterr()
    want, found = Tokenizer.load(folder / "tok"), Tokenizer.load(back)
    assert err == "" and found.special_tokens == want.special_tokens
    assert np.array_equal(found.encode(TEXT), want.encode(TEXT))


def test_what_a_source_does_not_say(folder, tmp_path, capsys):
    ranks, out = tmp_path / "a.tiktoken", tmp_path / "a.json"
    Tokenizer.load(folder / "tok").save(ranks)
    assert tokenizer("convert", ranks, out) == 2
    assert f"give it as {ranks}:gpt2, or with another of gpt2, smollm" in error(capsys)
    assert tokenizer("convert", f"{ranks}:gpt2", out, "--split", "o200k") == 2
    assert "its split is given as 'gpt2' and as 'o200k'" in error(capsys)
    for wrong in ("x", "=3", "x=", "x=-1", "x=1.5"):
        assert tokenizer("convert", ranks, out, "--special-token", wrong) == 2
        assert f"{wrong!r} is not NAME=ID" in error(capsys)
    both = ["--special-token", "a=b=279", "--special-token", "<c>=280"]
    assert tokenizer("convert", ranks, out, "--split", "llama3", *both) == 0
    assert "special  a=b 279, <c> 280\n" in capsys.readouterr().out
    assert Tokenizer.load(out).special_tokens == {"a=b": 279, "<c>": 280}
    assert tokenizer("convert", ranks, out, *both, "--special-token", "<c>=281") == 2
    assert "'<c>' is given twice" in error(capsys)
    assert tokenizer("convert", f"{ranks}:gpt2", out) == 0
    assert "convert --special-token NAME=ID" in capsys.readouterr().err
    assert tokenizer("convert", "bytes", out, "--split", "gpt2") == 2
    assert "bytes: this tokenizer has its own split" in error(capsys)


def test_what_it_does_not_write(folder, tmp_path, capsys):
    tok = folder / "tok"
    for target in (tok, tok / "tokenizer.json"):
        assert tokenizer("convert", tok, target) == 2
        assert f"{target} is what {tok} is read from" in error(capsys)
    assert tokenizer("convert", tok, tmp_path / "tekken.json") == 2
    assert "tekken.json, a format that is read and not written: choose another" in error(capsys)
    Tokenizer.load(tok).save(tmp_path / "v/vocab.json")
    assert tokenizer("convert", tmp_path / "v", tmp_path / "v/merges.txt") == 2
    assert "is read from" in error(capsys)
    assert tokenizer("convert", tmp_path / "v", tmp_path / "v") == 0  # beside vocab.json
    capsys.readouterr()
    (tmp_path / "config.json").touch()
    assert tokenizer("convert", tok, tmp_path) == 2
    assert f"{tmp_path} holds a model made with its own tokenizer" in error(capsys)
    assert tokenizer("convert", tok, tmp_path / "a.vocab") == 2
    assert "a.vocab must be a folder, vocab.json" in error(capsys)


def test_what_a_json_file_alone_does_not_say(folder, tmp_path, capsys):
    tok = Tokenizer.load(folder / "tok")
    tok.config["chat_template"] = "{{ x }}"
    tok.save(tmp_path / "f")
    assert tokenizer("convert", tmp_path / "f", tmp_path / "a.json") == 0
    assert "a.json does not say chat_template: a folder does\n" in capsys.readouterr().out
    assert tokenizer("convert", tmp_path / "f", tmp_path / "g") == 0
    assert "note" not in capsys.readouterr().out


def test_two_readings_and_warnings_are_said(folder, tmp_path, capsys):
    data = json.loads((folder / "tok/tokenizer.json").read_bytes())
    data["model"]["merges"].reverse()
    data["normalizer"] = {"type": "NFC"}
    (tmp_path / "a.json").write_text(json.dumps(data))
    assert tokenizer("convert", tmp_path / "a.json", tmp_path / "f") == 0
    out, err = capsys.readouterr()
    assert "merges   by list and by id differ for " in out
    assert err == "warning: tokenizer: input must be NFC: it is not normalized here\n"
    assert tokenizer("convert", tmp_path / "a.json", tmp_path / "a.tiktoken") == 2
    assert "a .tiktoken file joins by ids" in capsys.readouterr().err


def test_words(tmp_path, capsys):
    (tmp_path / "codes.txt").write_text("#version: 0.2\nl o\nlo w</w>\n")
    assert tokenizer("convert", tmp_path / "codes.txt", tmp_path / "f") == 0
    assert "merges" not in capsys.readouterr().out
    assert tokenizer("inspect", tmp_path / "f", "low") == 0
    assert tokenizer("convert", tmp_path / "f", tmp_path / "a.gguf") == 2
