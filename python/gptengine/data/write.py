"""Tokenize documents into shards, with a part held out for validation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from gptengine.data.shards import DTYPES, INDEX, MIXTURE, Header
from gptengine.files import atomic_folder

BATCH = 1 << 22  # bytes of text that are tokenized at a time
SOURCES = "sources.json"  # in the folder of shards: what it was made from
REPLACED = ("train-*.tok", "val-*.tok", SOURCES, MIXTURE, INDEX)  # of an earlier folder of shards
LARGEST_SHARD = 1 << 27  # tokens


def write_shards(
    documents: Iterable[str | bytes],
    folder,
    tok,
    *,
    held_out: float | Iterable[str | bytes] = 0.1,
    seed: int = 0,
    shard_tokens: int = LARGEST_SHARD,
    progress: Callable[[int], None] | None = None,
    extra: dict[str, bytes] | None = None,
) -> dict:
    """Write a folder of shards and the tokenizer; return tokens, documents and bytes by split.

    Every document begins with what the tokenizer's template puts before a text, as prompts do, and
    ends in the end-of-text token, if there is one. Of each 1 / held_out documents,
    one, chosen by `seed`, goes to the split `val`; of a text of fewer documents than that, the
    last part of each does. Or `held_out` is the documents of `val` themselves. `progress` is told
    the bytes of text done so far; `extra` files go into the folder too, and what else lies there
    stays.
    """
    with atomic_folder(folder, REPLACED) as partial:
        splits = {name: ShardWriter(partial, name, tok, shard_tokens) for name in ("train", "val")}
        for name, text, whole in split_documents(documents, held_out, seed):
            splits[name].add(text, whole)
            if progress:
                progress(sum(s.text_bytes + s.waiting for s in splits.values()))
        summary = {name: split.close() for name, split in splits.items()}
        if summary["train"]["tokens"] == 0:
            raise ValueError(f"{folder}: there is no text to write")
        tok.save(partial)
        for name, content in (extra or {}).items():
            (partial / name).write_bytes(content)
    return summary


def split_documents(
    documents: Iterable[str | bytes], held_out: float | Iterable[str | bytes], seed: int
) -> Iterator[tuple[str, bytes, bool]]:
    """Yield (split, text, whether the document ends here) as `write_shards` splits them."""
    documents = map(_utf8, documents)
    if not isinstance(held_out, (int, float)):
        yield from (("train", document, True) for document in documents)
        yield from (("val", document, True) for document in map(_utf8, held_out))
        return
    if not 0 <= held_out <= 0.5:
        raise ValueError(f"write_shards: held_out {held_out} must be from 0 to 0.5")
    if held_out == 0:
        yield from (("train", document, True) for document in documents)
        return
    group, groups = round(min(1 / held_out, 1e9)), 0
    waiting: list[bytes] = []
    for document in documents:
        if not document:
            continue
        waiting.append(document)
        if len(waiting) == group:
            yield from _choose(waiting, group, groups, seed)
            waiting, groups = [], groups + 1
    if groups:
        yield from _choose(waiting, group, groups, seed)
        return
    for document in waiting:
        cut = _cut(document, round(len(document) * (1 - held_out)))
        yield "train", document[:cut], False
        yield "val", document[cut:], True


def _choose(documents, group: int, index: int, seed: int):
    chosen = np.random.default_rng([seed, index]).integers(group)
    for i, document in enumerate(documents):
        yield "val" if i == chosen else "train", document, True


def _cut(text: bytes, end: int, start: int = 0) -> int:
    """The end of the last line before `end`, or of the last character if there is none."""
    line = text.rfind(b"\n", (start + end) // 2, end) + 1
    if line or end >= len(text):
        return line or end
    for back in range(min(4, end - start)):  # no character has more bytes, and a cut moves on
        if text[end - back] & 0xC0 != 0x80:
            return end - back
    return end


def _utf8(document) -> bytes:
    if isinstance(document, str):
        return document.encode("utf-8", "replace")
    if isinstance(document, bytes):
        return document
    raise ValueError(f"write_shards: a document is {type(document).__name__}, not str or bytes")


class ShardWriter:
    """Tokenizes the texts of one split in batches and fills one shard after the other."""

    def __init__(self, folder: Path, name: str, tok, shard_tokens: int = LARGEST_SHARD):
        self.folder, self.name, self.tok, self.shard_tokens = folder, name, tok, shard_tokens
        self.dtype = DTYPES[2 if tok.vocab_size <= 1 << 16 else 4]
        self.before = np.array(tok.template[0], self.dtype)
        self.texts: list[tuple[bytes, bool, bool]] = []  # whether it begins, and ends, a document
        self.waiting = self.text_bytes = self.tokens = self.documents = self.shards = 0
        self.file = None

    def add(self, text: bytes, whole: bool) -> None:
        start = 0
        while len(text) - start > BATCH:
            end = _cut(text, start + BATCH, start)
            self._queue(text[start:end], start == 0, False)
            start = end
        self._queue(text[start:], start == 0, whole)

    def close(self) -> dict:
        self._flush()
        self._finish()
        return dict(tokens=self.tokens, documents=self.documents, text_bytes=self.text_bytes)

    def _queue(self, text: bytes, first: bool, whole: bool) -> None:
        if text:
            self.texts.append((text, first, whole))
            self.waiting += len(text)
        if self.waiting >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if not self.texts:
            return
        ids, offsets = self.tok.encode_batch([text for text, *_ in self.texts], specials="text")
        for (text, first, whole), begin, end in zip(
            self.texts, offsets[:-1], offsets[1:], strict=True
        ):
            document = np.asarray(ids[begin:end])
            if first and len(self.before):
                document = np.append(self.before, document)
            if whole and self.tok.eos_id is not None:
                document = np.append(document, self.tok.eos_id)
            self._write(document.astype(self.dtype), len(text), whole)
        self.texts, self.waiting = [], 0

    def _write(self, ids: np.ndarray, text_bytes: int, whole: bool) -> None:
        if self.file is None:
            self.path = self.folder / f"{self.name}-{self.shards:05d}.tok"
            self.file = open(self.path, "wb")
            self.file.write(bytes(len(self._header(b"", b"").pack())))
            self.digest, self.in_shard = hashlib.sha256(), [0, 0, 0]
        self.file.write(ids.data)
        self.digest.update(ids.data)
        counts = (len(ids), int(whole), text_bytes)
        self.in_shard = [a + b for a, b in zip(self.in_shard, counts, strict=True)]
        self.tokens += len(ids)
        self.documents += int(whole)
        self.text_bytes += text_bytes
        if self.in_shard[0] >= self.shard_tokens:
            self._finish()

    def _finish(self) -> None:
        if self.file is None:
            return
        self.file.seek(0)
        tokenizer = bytes.fromhex(self.tok.fingerprint)
        self.file.write(self._header(tokenizer, self.digest.digest(), *self.in_shard).pack())
        self.file.close()
        self.file, self.shards = None, self.shards + 1

    def _header(self, tokenizer, payload, tokens=0, documents=0, text_bytes=0) -> Header:
        eos = -1 if self.tok.eos_id is None else self.tok.eos_id
        itemsize = self.dtype.itemsize
        return Header(
            itemsize, tokens, self.tok.vocab_size, eos, documents, text_bytes, tokenizer, payload
        )
