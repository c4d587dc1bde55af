"""Token shards: `.tok` files, a header of 128 bytes and then the token ids, read through a map.

Little-endian: magic, format version, bytes a token (2 or 4), tokens, vocabulary size, id of the
end of text (-1: none), documents, bytes of text, SHA-256 of the tokenizer and of the token ids.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gptengine.files import recover

MAGIC = b"GPTETOK\n"
VERSION = 1
LAYOUT = struct.Struct("<8sIIQIiQQ32s32s16x")
DTYPES = {2: np.dtype("<u2"), 4: np.dtype("<u4")}
SPLITS = ("train", "val")
MIXTURE, INDEX = "mixture.json", "index.npy"  # of a mixture; see mixture.py
CHUNK = 1 << 22  # tokens that are hashed at a time


class Header(NamedTuple):
    itemsize: int
    tokens: int
    vocab_size: int
    eos_id: int
    documents: int
    text_bytes: int
    tokenizer: bytes
    payload: bytes

    def pack(self) -> bytes:
        return LAYOUT.pack(MAGIC, VERSION, *self)


def read_header(path: Path) -> Header:
    """The header of a shard, checked against the size of the file."""
    with open(path, "rb") as file:
        raw = file.read(LAYOUT.size)
    if len(raw) < LAYOUT.size or raw[:8] != MAGIC:
        raise ValueError(f"{path}: not a token shard: it starts with {raw[:8]!r}, not {MAGIC!r}")
    _, version, *fields = LAYOUT.unpack(raw)
    if version != VERSION:
        raise ValueError(f"{path}: shard format {version}, this program reads {VERSION}")
    header = Header(*fields)
    if header.itemsize not in DTYPES:
        raise ValueError(f"{path}: {header.itemsize} bytes a token, not 2 or 4")
    want, size = LAYOUT.size + header.tokens * header.itemsize, path.stat().st_size
    if size != want:
        raise ValueError(
            f"{path}: {size} bytes, but {header.tokens} tokens need {want}: truncated or damaged"
        )
    return header


class TokenShards:
    """The shards of one split of a folder, mapped into memory and checked.

    tokens       how many in all          arrays      one map a shard, uint16 or uint32
    vocab_size   of the tokenizer         fingerprint  hex digest of all the token ids
    text_bytes   of the text they encode  documents    how many
    """

    def __init__(self, folder, split: str = "train"):
        """Open `train` or `val` of a folder; reads every token once to check it."""
        recover(folder)
        self.folder, self.split = Path(folder), split
        if split not in SPLITS:
            raise ValueError(f"TokenShards: split {split!r} is none of {', '.join(SPLITS)}")
        if not self.folder.is_dir():
            raise ValueError(f"{self.folder}: no such folder of token shards")
        paths = sorted(self.folder.glob(f"{split}-*.tok"))
        if not paths:
            raise ValueError(f"{self.folder}: no {split}-*.tok file in the folder")
        headers = [read_header(path) for path in paths]
        for path, header in zip(paths, headers, strict=True):
            for what in ("vocab_size", "tokenizer", "eos_id"):
                first, this = getattr(headers[0], what), getattr(header, what)
                if first != this:
                    raise ValueError(f"{path}: {what} {_show(this)}, {paths[0]} has {_show(first)}")
        self.arrays = [_map(path, header) for path, header in zip(paths, headers, strict=True)]
        self.vocab_size = headers[0].vocab_size
        self.tokenizer = headers[0].tokenizer.hex()
        self.eos_id = headers[0].eos_id if headers[0].eos_id >= 0 else None
        self.tokens = sum(h.tokens for h in headers)
        self.documents = sum(h.documents for h in headers)
        self.text_bytes = sum(h.text_bytes for h in headers)
        digest = hashlib.sha256(b"".join(h.payload for h in headers))
        if split == "train" and (self.folder / INDEX).is_file():  # of the order, in a mixture
            digest.update((self.folder / INDEX).read_bytes())
        self.fingerprint = digest.hexdigest()

    def check_tokenizer(self, tok) -> None:
        """Refuse a tokenizer other than the one that wrote these shards."""
        if tok.vocab_size != self.vocab_size:
            raise ValueError(
                f"{self.folder}: the shards have a vocabulary of {self.vocab_size} tokens, the "
                f"tokenizer {tok.vocab_size}"
            )
        if tok.fingerprint != self.tokenizer:
            raise ValueError(
                f"{self.folder}: the shards were written by another tokenizer: its fingerprint is "
                f"{self.tokenizer[:12]}, this one's {tok.fingerprint[:12]}"
            )


def _map(path: Path, header: Header) -> np.ndarray:
    if header.tokens == 0:
        return np.empty(0, DTYPES[header.itemsize])
    tokens = np.memmap(path, DTYPES[header.itemsize], "r", LAYOUT.size, (header.tokens,))
    digest = hashlib.sha256()
    for start in range(0, header.tokens, CHUNK):
        chunk = tokens[start : start + CHUNK]
        largest = int(chunk.max())
        if largest >= header.vocab_size:
            where = start + int(chunk.argmax())
            raise ValueError(
                f"{path}: token {largest} at {where} is not in the vocabulary of "
                f"{header.vocab_size}"
            )
        digest.update(chunk)
    if digest.digest() != header.payload:
        raise ValueError(
            f"{path}: damaged: the SHA-256 of its tokens is {digest.hexdigest()[:12]}, the header "
            f"says {header.payload.hex()[:12]}"
        )
    return tokens


def _show(value) -> str:
    return value.hex()[:12] if isinstance(value, bytes) else str(value)
