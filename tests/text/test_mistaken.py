"""What is taken for a tokenizer and is none: the message says in a line what it is."""

import json
import re

import pytest

from gptengine.tokenizer import Tokenizer
from text.vocabularies import tokenizer

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
BERT = b"[PAD]\n" + b"[unused]\n" * 99 + b"[UNK]\n[CLS]\n"
UNIGRAM = {"model": {"type": "Unigram", "vocab": [["<unk>", 0]]}}
FILES = {
    "a.png": (PNG, "no tokenizer, and no text: give a tokenizer.json, vocab.json with"),
    "a.json": (PNG, "not JSON: 'utf-8' codec"),
    "b.json": (b"{", "not JSON: Expecting"),
    "empty.json": (b"", "the file is empty"),
    "empty.gguf": (b"", "the file is empty"),
    "config.json": (b'{"model_type": "gpt2"}', "there is no model: a model's config: its tok"),
    "other.json": (b'{"a": 1}', "there is no model: no tokenizer: give a tokenizer.json"),
    "prose.txt": (b"Once upon\na time", "no tokenizer: it begins with 'Once upon'; give a tok"),
    "vocab.txt": (BERT, "a WordPiece vocabulary, as BERT has: gptengine.tokenizer.WordPiece"),
    "uni.json": (json.dumps(UNIGRAM).encode(), "'Unigram', not 'BPE': a unigram model of sent"),
    "tokenizer.model": (b"\n\x07\n\x05<unk>", "the model is 'unigram', not 'bpe': a unigram"),
    "merges.txt": (b"#version: 0.2\na b\n", "there is no vocab.json beside it"),
}


@pytest.mark.parametrize("name", FILES)
def test_files(tmp_path, name):
    data, says = FILES[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path / name}: ") + ".*" + says) as error:
        Tokenizer.load(tmp_path / name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "names, says",
    [
        ([], "no tokenizer in this folder: none of tokenizer.json, .* no .tiktoken, .gguf, .model"),
        (["vocab.txt"], "its vocab.txt is a WordPiece vocabulary"),
        (["b.gguf", "a.tiktoken"], "the folder holds a.tiktoken, b.gguf: give the one"),
    ],
)
def test_folders(tmp_path, names, says):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=re.escape(f"{tmp_path}: ") + ".*" + says):
        Tokenizer.load(tmp_path)


def test_nothing(tmp_path):
    with pytest.raises(ValueError, match="none: no such file or folder: a tokenizer is"):
        Tokenizer.load(tmp_path / "none")
    with pytest.raises(ValueError, match="/dev/null: no file"):
        Tokenizer.load("/dev/null")


def test_a_folder_whose_name_looks_like_a_format(tmp_path):
    tok = tokenizer()
    tok.save(tmp_path / "tok-v1.5")
    (tmp_path / "my.vocab").mkdir()
    tok.save(tmp_path / "my.vocab")
    for name in ("tok-v1.5", "my.vocab"):
        assert Tokenizer.load(tmp_path / name) == tok
    (tmp_path / "a.json").mkdir()
    with pytest.raises(ValueError, match="a.json: a folder stands where a file should be"):
        tok.save(tmp_path / "a.json")
    with pytest.raises(ValueError, match="a folder whose name ends in .vocab must be there"):
        tok.save(tmp_path / "other.vocab")
    assert not (tmp_path / "other.vocab").exists()
