"""Learns a vocabulary from texts and files: the body of Tokenizer.train, which says what it takes.

Texts go to the engine in batches; files of more than a batch are read there, part by part.
"""

import dataclasses
import os
import stat
import time
import warnings

import numpy as np

from gptengine import _core
from gptengine.tokenizer import spaces, splits
from gptengine.tokenizer.arguments import bytes_of, integer, several, utf8
from gptengine.tokenizer.vocabulary import UNKNOWN, Vocabulary

TIES = ("huggingface", "bytes")
BATCH = 1 << 24  # bytes
PACKED = (".jsonl", ".gz")  # suffixes of files that gptengine.data reads


@dataclasses.dataclass(frozen=True)
class TrainingReport:
    """What a vocabulary was learned from."""

    documents: int
    bytes: int
    words: int  # distinct pieces of the text that merges were learned from
    merges: int  # learned
    dropped_words: int  # distinct pieces that were left out, because they needed too much memory
    dropped_pieces: int  # how often these stood in the text
    least_count: int  # no piece that stands so often was left out
    seconds: float


@dataclasses.dataclass(frozen=True)
class FileStart(os.PathLike):
    """The path of a file of which only the first `size` bytes are meant."""

    path: os.PathLike
    size: int

    def __fspath__(self):
        return os.fspath(self.path)

    def __len__(self):
        return self.size


def train(
    texts_or_paths,
    *,
    vocab_size,
    split,
    special_tokens,
    min_frequency,
    ties,
    max_token_length,
    forbidden,
    weights,
    base,
    memory,
    progress,
):
    """The Vocabulary and a TrainingReport; base is a Vocabulary to continue, or None."""
    start = time.perf_counter()
    _check(split, base, ties, progress)
    vocab_size = integer("vocab_size", vocab_size, 1)
    limits = (
        ties == "bytes",
        integer("min_frequency", min_frequency, 1),
        0 if max_token_length is None else integer("max_token_length", max_token_length, 1),
    )
    forbidden = _tokens(forbidden)
    if base is None:
        base = Vocabulary.of_bytes(np.empty((0, 2), np.uint32), [], split)
    known = _Base(base)
    names = [name for name in special_tokens if name not in known.special_tokens]
    room = _room(vocab_size, split, known, names)

    cut_out = [name.encode() for name in [*names, *known.special_tokens]]
    trainer = _core.BpeTrainer(cut_out, split, bytes_of(memory))
    feed = _Feed(trainer, progress)
    documents = feed.add_all(texts_or_paths, weights)
    if progress is not None:
        progress("count", feed.read, feed.read)
    symbols, merges, found = trainer.train(
        room, *limits, [*forbidden, *known.forbidden], known.merges, progress
    )
    if progress is not None:
        progress("merge", len(merges), len(merges))
    if found["bytes"] == 0:
        raise ValueError("tokenizer: there is no text to train on")
    report = TrainingReport(
        documents=documents,
        merges=len(merges),
        seconds=time.perf_counter() - start,
        **found,
    )
    if report.dropped_words:
        warnings.warn(_loss(report, memory), stacklevel=3)
    if split == "words":
        return _of_words(symbols, merges, names, vocab_size), report
    return known.extended(merges, names), report


def _check(split, base, ties, progress):
    splits.check(split)
    if spaces.is_split(split):
        raise ValueError(f"tokenizer: the split {split!r} is only read: train with another")
    if base is not None and split == "words":
        raise ValueError(
            "tokenizer: a vocabulary of words cannot be continued: it has the characters of the "
            "text that it was learned from and no others; learn another one from all the text"
        )
    if base is not None and base.split != split:
        raise ValueError(f"tokenizer: split {split!r} is not that of the base, {base.split!r}")
    if ties not in TIES:
        raise ValueError(f"tokenizer: ties={ties!r} must be one of {TIES}")
    if progress is not None and not callable(progress):
        raise ValueError(f"tokenizer: progress must be callable, not {progress!r}")


def _room(vocab_size, split, known, names):
    """How many tokens the trainer may have: bytes and merges, of words characters and merges."""
    if split == "words":
        return vocab_size - len(names) - (UNKNOWN not in names)
    fixed = len(known.tokens) + len(names)
    if vocab_size < fixed:
        parts = "256 bytes" if fixed == 256 + len(names) else f"{len(known.tokens)} of the base"
        raise ValueError(
            f"tokenizer: vocab_size {vocab_size} must be at least {fixed}: "
            f"{parts} and {len(names)} special tokens"
        )
    return vocab_size - fixed + 256 + len(known.merges)


def _loss(report, memory):
    return (
        f"tokenizer: {report.dropped_words} of {report.dropped_words + report.words} distinct "
        f"pieces of text did not fit into memory={memory!r} and were left out, none of which "
        f"stands there {report.least_count} times or more"
    )


def _of_words(symbols, merges, names, vocab_size):
    """Characters come first, the last ones of words with </w>, then merges, then special tokens."""
    if UNKNOWN not in names:
        names = [UNKNOWN, *names]
    if vocab_size < len(symbols) + len(names):
        raise ValueError(
            f"tokenizer: vocab_size {vocab_size} must be at least {len(symbols) + len(names)}: "
            f"{len(symbols)} characters and {len(names)} special tokens"
        )
    return Vocabulary(symbols, np.empty((0, 2), np.uint32), {}, "words").extended(merges, names)


class _Base:
    """What is there before the first merge, in the trainer's ids: bytes, then merges by rank."""

    def __init__(self, vocabulary):
        self.tokens = vocabulary.tokens
        self.special_tokens = vocabulary.special_tokens
        self._vocabulary = vocabulary
        special = set(self.special_tokens.values())
        id_of = {t: i for i, t in enumerate(self.tokens) if i not in special}
        for byte in range(256):
            if bytes([byte]) not in id_of:
                raise ValueError(
                    f"tokenizer: the base has {len(self.tokens)} tokens, but none for the byte "
                    f"{byte}: only a vocabulary of all bytes can be continued"
                )
        trainers = {id_of[bytes([b])]: b for b in range(256)}
        merges = []
        self._ids = [id_of[bytes([b])] for b in range(256)]  # by the trainer's id
        for rank, (left, right) in enumerate(vocabulary.merges.tolist()):
            if left not in trainers or right not in trainers:
                raise ValueError(
                    f"tokenizer: merge {rank} of the base joins {self.tokens[left]!r} and "
                    f"{self.tokens[right]!r}, of which one comes later or never"
                )
            merges.append((trainers[left], trainers[right]))
            joined = id_of[self.tokens[left] + self.tokens[right]]
            trainers.setdefault(joined, len(self._ids))
            self._ids.append(joined)
        self.merges = np.array(merges, np.uint32).reshape(-1, 2)
        # No new merge makes a token that is there.
        self.forbidden = [token for token in id_of if len(token) > 1]

    def extended(self, merges, names):
        """The Vocabulary with more merges, whose tokens come last, and then special tokens."""
        ids = np.array([*self._ids, *range(len(self.tokens), len(self.tokens) + len(merges))])
        return self._vocabulary.extended(ids[merges].astype(np.uint32), names)


class _Feed:
    """Gives texts to a trainer."""

    def __init__(self, trainer, progress):
        self._trainer = trainer
        self._progress = progress and (lambda phase, done, _: progress(phase, done, self._of(done)))
        self._total = None
        self.read = 0  # bytes
        self._texts, self._weights, self._bytes = [], [], 0

    def _of(self, done):
        return self._total and max(done, self._total)

    def add_all(self, texts_or_paths, weights):
        """Their number."""
        items = _items(texts_or_paths)
        if self._progress and isinstance(items, (list, tuple)):
            self._total = sum(map(_size, items))
        documents = 0
        for item, weight in _weighted(items, weights):
            _check_path_or_text(item)
            if isinstance(item, os.PathLike):
                self._add_file(item, weight)
            else:
                self._add(_letters(item), weight)
            documents += 1
        self._flush()
        return documents

    def _add(self, text, weight):
        self._texts.append(text)
        self._weights.append(weight)
        self._bytes += len(text)
        self.read += len(text)
        if self._bytes >= BATCH:
            self._flush()

    def _flush(self):
        weights = np.array(self._weights, np.int64)
        self._trainer.add(self._texts, weights, self._progress)
        self._texts, self._weights, self._bytes = [], [], 0

    def _add_file(self, path, weight):
        if not stat.S_ISREG(_stat(path).st_mode):  # to open a pipe would wait for its writer
            raise ValueError(f"tokenizer: {os.fspath(path)} is not a regular file")
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if isinstance(path, FileStart):
                size = min(size, path.size)
            if size < BATCH:
                return self._add(file.read(size), weight)
            self.read += size
            name = os.fsdecode(path).encode(errors="replace").decode()
            self._trainer.add_file(file.fileno(), name, size, weight, self._progress)


def _items(texts_or_paths):
    """One text or file is a list of it."""
    one = (str, bytes, bytearray, memoryview, os.PathLike)
    if isinstance(texts_or_paths, one) or _is_bytes_array(texts_or_paths):
        return [texts_or_paths]
    try:
        iter(texts_or_paths)
    except TypeError:
        kind = type(texts_or_paths).__name__
        raise ValueError(f"tokenizer: texts must be texts or paths, not {kind}") from None
    return texts_or_paths


def _size(item):
    """In bytes, of what has them; a str that is not ASCII has a few more than this says."""
    if isinstance(item, os.PathLike) and not isinstance(item, FileStart):
        return _stat(item).st_size
    return len(item) if hasattr(item, "__len__") else 0


def _stat(path):
    try:
        return os.stat(path)
    except FileNotFoundError:
        raise ValueError(f"tokenizer: {os.fsdecode(path)}: no such file") from None


def _check_path_or_text(item):
    """Refuses the name of a file as a text, and files whose text a reader has to take out."""
    if isinstance(item, str) and len(item) < 256:
        named = item.endswith((".txt", *PACKED)) and len(item.split()) == 1
        if os.path.isfile(item) or named:
            raise ValueError(f"tokenizer: a str is a text: for the file {item!r} pass a Path")
    if isinstance(item, os.PathLike) and os.fsdecode(item).endswith(PACKED):
        name = os.fsdecode(item)
        raise ValueError(
            f"tokenizer: {name} is not plain text: give what gptengine.data.read_documents"
            f"({name!r}) reads of it"
        )


def _weighted(items, weights):
    if weights is None:
        for item in items:
            yield item, 1
        return
    weights = several("weights", weights)
    end = object()
    count = 0
    for item in items:
        weight = next(weights, end)
        if weight is end:
            raise ValueError(f"tokenizer: there are only {count} weights, and more texts")
        yield item, integer("weight", weight, 1)
        count += 1
    if next(weights, end) is not end:
        raise ValueError(f"tokenizer: there are only {count} texts, and more weights")


def _letters(item):
    """What the engine takes: bytes, or an array of them."""
    if _is_bytes_array(item):
        return np.ascontiguousarray(item)
    if isinstance(item, (bytearray, memoryview)):
        return bytes(item)
    return utf8(item)


def _is_bytes_array(item):
    return isinstance(item, np.ndarray) and item.dtype == np.uint8 and item.ndim == 1


def _tokens(forbidden):
    if isinstance(forbidden, (str, bytes)):
        raise ValueError(f"tokenizer: forbidden must be a list of tokens, not {forbidden!r}")
    tokens = [utf8(token) for token in several("forbidden", forbidden)]
    for token in tokens:
        if len(token) < 2:
            raise ValueError(
                f"tokenizer: forbidden holds {token!r}, which is a token from the start"
            )
    return tokens
