"""Which format a file of a tokenizer is in, and who reads and writes it."""

import os
import pathlib

from gptengine.files import atomic_write, folder_in_use
from gptengine.tokenizer import (
    ggml_keys,
    hugging_face,
    mistaken,
    sentencepiece,
    splits,
    subword_nmt,
    tekken,
    tiktoken_file,
    vocab_merges,
)
from gptengine.tokenizer.vocabulary import END_OF_WORD

OTHERS = {  # names ending in .json that mean another format than tokenizer.json
    "tekken.json": "a format that is read and not written",
    hugging_face.CONFIG_FILE: "which a folder has beside its tokenizer.json",
    "config.json": "which has the shape of a model",
}
WRITTEN = (".json", tiktoken_file.SUFFIX, ggml_keys.SUFFIX)
MOST_BYTES = hugging_face.MOST_BYTES


def named(path, split=None):
    """The file that a path means, and the split, which may stand behind ranks: x.tiktoken:gpt2."""
    ranks, said, behind = os.fspath(path).partition(f"{tiktoken_file.SUFFIX}:")
    if not said:
        return located(path), split
    if split not in (None, behind):
        raise ValueError(f"{path}: its split is given as {behind!r} and as {split!r}")
    return located(f"{ranks}{tiktoken_file.SUFFIX}"), behind


def located(path):
    """The file that is meant by a path to it or to its folder."""
    path = _path(path)
    file = _in_folder(path) if path.is_dir() else path
    if file.is_file():
        return file
    if file.is_dir():
        raise ValueError(f"{file}: {mistaken.folder(file)}")
    what = "no file" if file.exists() else "no such file or folder"
    raise ValueError(f"{file}: {what}: a tokenizer is a file, or the folder with it")


def read(file, split=None, special_tokens=None):
    """The Vocabulary in a file, and the entries of tokenizer_config.json.

    split and special_tokens (ids by name) are for files that do not say them.
    """
    if split is not None:
        splits.check(split)
    _check_special_tokens(special_tokens)
    config = {}
    if file.suffix != ggml_keys.SUFFIX:  # which says all of it, whatever lies beside it
        config = hugging_face.read_config(file.parent / hugging_face.CONFIG_FILE)
    try:
        vocabulary, entries = _read(file, split, special_tokens, config)
        if split not in (None, vocabulary.split):
            raise ValueError(f"the split is {vocabulary.split!r}, not {split!r}")
        for name, i in sorted((special_tokens or {}).items()):
            said = vocabulary.special_tokens.get(name)
            if said is None:
                raise ValueError(f"{name!r:.80} is none of its special tokens")
            if said != i:
                raise ValueError(f"the special token {name!r:.80} has the id {said}, not {i}")
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        message = str(error)  # a value of another kind than the format has fails where it is used
        raise ValueError(
            message if message.startswith(f"{file}: ") else f"{file}: {message}"
        ) from None
    return vocabulary, {**entries, **config}


def write(path, vocabulary, config, eos_token):
    """Writes a folder, or a file in the format of its suffix."""
    path = _path(path)
    with folder_in_use(path.parent):
        _write(path, vocabulary, config, eos_token)


def _write(path, vocabulary, config, eos_token):
    if path.suffix in WRITTEN and path.is_dir():
        raise ValueError(f"{path}: a folder stands where a file should be: choose another name")
    if path.name in (vocab_merges.VOCAB, vocab_merges.MERGES):
        vocab_merges.write(path.parent, vocabulary, config, eos_token)
    elif path.name in OTHERS:
        raise ValueError(
            f"tokenizer: {path} would be a tokenizer.json under the name of {path.name}, "
            f"{OTHERS[path.name]}: choose another name"
        )
    elif path.suffix == ".json":
        hugging_face.write(path, vocabulary)
    elif path.suffix == tiktoken_file.SUFFIX:
        tiktoken_file.write(path, vocabulary)
    elif path.suffix == ggml_keys.SUFFIX:
        ggml_keys.write(path, vocabulary, config, eos_token)
    elif path.suffix[1:].isalpha() and not path.is_dir():  # tok-v1.5 is a folder's name
        raise ValueError(
            f"tokenizer: {path} must be a folder, {vocab_merges.VOCAB}, {vocab_merges.MERGES}, or "
            f"end in one of {', '.join(WRITTEN)}; a folder whose name ends in {path.suffix} must "
            f"be there already"
        )
    else:
        contents = hugging_face.to_json(vocabulary)  # first, so that what is refused leaves nothing
        path.mkdir(parents=True, exist_ok=True)
        hugging_face.write_config(path / hugging_face.CONFIG_FILE, config, eos_token)
        atomic_write(path / hugging_face.TOKENIZER_FILE, hugging_face.encode(contents))


def _path(path):
    """A path that says something: the empty one would be the current folder, which nobody named."""
    if os.fspath(path) == "":
        raise ValueError("tokenizer: the path is empty: give a file or a folder (. is this folder)")
    return pathlib.Path(path)


def _in_folder(path):
    """The file in a folder that has the tokenizer; the folder where there is none, or several."""
    for name in mistaken.NAMES:
        if (path / name).is_file():
            return path / name
    found = [p for p in path.iterdir() if p.suffix in mistaken.SUFFIXES]
    return found[0] if len(found) == 1 else path


def _read(file, split, special_tokens, config):
    if file.stat().st_size == 0:
        raise ValueError("the file is empty")
    if file.stat().st_size > MOST_BYTES and file.suffix != ggml_keys.SUFFIX:
        raise ValueError(f"the file has more than {MOST_BYTES} bytes")
    if file.suffix == tiktoken_file.SUFFIX:
        return tiktoken_file.read(file, split, special_tokens), {}
    if file.suffix == ggml_keys.SUFFIX:
        return ggml_keys.read(file)
    beside = file.parent / vocab_merges.VOCAB
    if file.name == vocab_merges.VOCAB or (file.name == vocab_merges.MERGES and beside.is_file()):
        split = split or vocab_merges.split_said(config)
        return vocab_merges.read(file.parent, split, special_tokens, config), {}
    if file.suffix == ".json":
        data = hugging_face.decode(file)
        if tekken.is_tekken(data):
            return tekken.from_json(data), tekken.CONFIG
        return hugging_face.from_json(data), {}
    data = file.read_bytes()
    if file.suffix == sentencepiece.SUFFIX:
        return sentencepiece.from_bytes(data, config)
    if not data.startswith(b"#version"):
        raise ValueError(mistaken.other(file))
    if file.name == vocab_merges.MERGES and END_OF_WORD.encode() not in data:
        raise ValueError(f"there is no {vocab_merges.VOCAB} beside it, which says the ids")
    return subword_nmt.from_text(data.decode("utf-8")), {}


def _check_special_tokens(special_tokens):
    if special_tokens is None:
        return
    good = isinstance(special_tokens, dict) and all(
        isinstance(name, str) and name and type(i) is int for name, i in special_tokens.items()
    )
    if not good:
        raise ValueError(
            f"tokenizer: special_tokens must be a dict of ids by name: {special_tokens!r:.200}"
        )
