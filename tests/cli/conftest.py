"""A text and a tokenizer in a folder, for all tests of the command line."""

import pytest

from cli.commands import TEXT
from gptengine.tokenizer import Tokenizer


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer")
    (path / "text.txt").write_text(TEXT)
    Tokenizer.train(TEXT, vocab_size=280).save(path / "tok")
    return path
