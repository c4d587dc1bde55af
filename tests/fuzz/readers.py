"""Each reader of tokenizers and models as a function that gives it bytes, and what must then hold.

Whatever the bytes are, a reader gives a tokenizer or a model that can be written and read again, or
raises ValueError or KeyError. A model needs no more memory than some times its file.
"""

import tempfile
import warnings
from pathlib import Path

import documents
import numpy as np

from gptengine import checkpoint
from gptengine.tensorfile import TensorFile, write_tensors
from gptengine.tokenizer import Tokenizer
from gptengine.tokenizer.wordpiece import WordPiece

TEXT = "The low  lower\n\n lowest, it's 1234 naïve नमस्ते 漢字\U0001f600\x00"
SEPARATOR = b"\n====\n"  # between the files of one input


def files(names, data):
    """The bytes of each file, by its name."""
    return dict(zip(names, data.split(SEPARATOR, len(names) - 1), strict=False))


def read_bpe(folder, name=None, **options):
    """Loads, encodes, and saves a tokenizer that then gives the same ids."""
    tok = Tokenizer.load(folder / name if name else folder, **options)
    ids = tok.encode(TEXT, specials="text")
    if tok._vocabulary.split != "words":  # no space starts the text, so none is lost with a prefix
        assert tok.decode_bytes(ids) == TEXT.encode()
    tok.decode(range(min(tok.vocab_size, 300)))
    try:
        tok.save(folder / "again")
    except ValueError:  # what the format cannot say is refused
        return
    try:
        again = Tokenizer.load(folder / "again")
    except (ValueError, KeyError) as error:
        raise AssertionError(f"what was saved is not read: {error}") from error
    assert again.encode(TEXT, specials="text").tolist() == ids.tolist(), "saved with other ids"


def read_wordpiece(folder, name):
    tok = WordPiece.load(folder / name)
    ids = tok.encode(TEXT, specials="text", template=True)
    tok.decode(ids)


def read_gguf_model(folder, name):
    """A model that was read is written as float32, and read again with the same bits."""
    config, params = checkpoint.load(folder / name)
    numbers = sum(array.size for array in params.values())
    assert numbers <= 2 * (folder / name).stat().st_size, "more numbers than the file can hold"
    same_again(folder / "again.gguf", config, params)


def read_safetensors(folder, name):
    """Also the tensors of a file that holds no model."""
    file = TensorFile(folder / name)
    arrays = {name: file[name] for name in file.names()}
    assert sum(a.size for a in arrays.values()) <= (folder / name).stat().st_size
    write_tensors(folder / "again.safetensors", arrays)
    again = TensorFile(folder / "again.safetensors")
    for name, array in arrays.items():
        assert again[name].tobytes() == array.tobytes(), name
    same_again(folder / "again", *checkpoint.load(folder))


def same_again(path, config, params):
    checkpoint.save(path, config, params)
    config_again, again = checkpoint.load(path)
    assert config_again == config
    for name, array in params.items():
        np.testing.assert_array_equal(again[name], array)


SPECIALS = {"<|endoftext|>": 262}
READERS = {  # the files of an input, and who reads them
    "tokenizer_json": (["tokenizer.json", "tokenizer_config.json"], read_bpe, {}),
    "tiktoken": (
        ["ranks.tiktoken"],
        read_bpe,
        dict(name="ranks.tiktoken", split="cl100k", special_tokens=SPECIALS),
    ),
    "vocab_merges": (
        ["vocab.json", "merges.txt", "tokenizer_config.json", "added_tokens.json"],
        read_bpe,
        {},
    ),
    "gguf": (["model.gguf"], read_bpe, dict(name="model.gguf")),
    "gguf_model": (["model.gguf"], read_gguf_model, dict(name="model.gguf")),
    "safetensors": (
        ["config.json", "model.safetensors"],
        read_safetensors,
        dict(name="model.safetensors"),
    ),
    "tekken": (["tekken.json"], read_bpe, {}),
    "sentencepiece": (["tokenizer.model", "tokenizer_config.json"], read_bpe, {}),
    "subword_nmt": (["codes.txt"], read_bpe, dict(name="codes.txt")),
    "wordpiece": (["vocab.txt", "tokenizer_config.json"], read_wordpiece, dict(name="vocab.txt")),
    "wordpiece_json": (["tokenizer.json"], read_wordpiece, dict(name="tokenizer.json")),
    **documents.READERS,
}


def read(reader, data):
    """Gives the bytes to a reader, and passes on what it must not raise."""
    names, function, options = READERS[reader]
    with tempfile.TemporaryDirectory(dir=memory()) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = Path(folder)
        for name, content in files(names, data).items():
            (folder / name).write_bytes(content)
        try:
            function(folder, **options)
        except (ValueError, KeyError):
            return False
    return True


def memory():
    """A folder that no disk has to write, where there is one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
