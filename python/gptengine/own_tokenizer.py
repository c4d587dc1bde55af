"""The tokenizer that lies in a model's folder or file, for whoever has the model alone."""

from __future__ import annotations

import warnings
from pathlib import Path

from gptengine.checkpoint import is_gguf
from gptengine.gguf.metadata import read_metadata
from gptengine.gguf.model import NO_TOKENIZER
from gptengine.tokenizer import Tokenizer, WordPiece
from gptengine.tokenizer.mistaken import NAMES
from gptengine.tokenizer.wordpiece import VOCAB_FILE


def own_tokenizer(path: Path, *, causal: bool) -> Tokenizer | WordPiece | None:
    """What a model's folder or file says of its tokens, None where it says nothing.

    A tokenizer that cannot be read is a ValueError.
    """
    if not _has_one(path):
        return None
    with warnings.catch_warnings():  # cutting and padding are the model's business
        warnings.filterwarnings("ignore", "WordPiece: (truncation|padding) ")
        try:
            return (Tokenizer if causal else WordPiece).load(path)
        except ValueError as error:
            raise ValueError(f"{error}; model.tokenizer = None leaves it out") from None


def _has_one(path: Path) -> bool:
    if is_gguf(path):
        keys = read_metadata(path)
        return any(keys.get(key, none) != none for key, none in NO_TOKENIZER.items())
    return any((path / name).is_file() for name in (*NAMES, VOCAB_FILE))
