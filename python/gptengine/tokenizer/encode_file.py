"""A file of text becomes a file of token ids, a block of text at a time.

Held are a block and one that is read ahead, and their ids; where a stretch of text has no place to
be cut and is longer than a block, four times as much as that stretch at the most.

The ids lie end to end, little-endian, 16 bits each where the vocabulary has no more than 65,536
tokens and else 32, as np.fromfile or np.memmap read them.
"""

import os

import numpy as np

from gptengine.files import atomic_write, folder_in_use

BLOCK = 1 << 24  # bytes of text that are read at a time


def encode_file(tok, source, target, *, specials="refuse", mode=None, progress=None, block=BLOCK):
    """Encode the file `source` into `target`; return how many ids there are and their dtype.

    The ids are those of the whole text at once: it is only cut where that changes nothing.
    progress is called with the number of bytes that are done.
    """
    if not os.path.exists(source):
        raise ValueError(f"encode: {source}: no such file")
    if os.path.isfile(target) and os.path.samefile(source, target):
        raise ValueError(f"encode: the target is the file to read, {source}: choose another")
    options = dict(specials=specials, mode=mode, progress=progress, block=block)
    dtype = id_dtype(tok.vocab_size)
    total = 0

    def write(file):
        nonlocal total
        with open(source, "rb") as text:
            for ids in encode_parts(tok, text, **options):
                file.write(ids.astype(dtype, copy=False).data)
                total += len(ids)

    with folder_in_use(os.path.dirname(target)):
        atomic_write(target, write)
    return total, dtype


def encode_parts(tok, file, *, specials="refuse", mode=None, progress=None, block=BLOCK):
    """The ids of an open file of text, or of a pipe, some at a time: uint32 arrays.

    progress is called with the number of bytes that are done.
    """
    done, how = 0, tok._how(specials, mode, 0.0, 0, "replace")
    for part in _parts(tok, file, block, *tok._policy(specials)):
        ids, _ = tok._core.encode_batch([part], how, done > 0, done)
        yield ids
        done += len(part)
        if progress:
            progress(done)


def id_dtype(vocab_size):
    """The type of the ids in a file."""
    return np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")


def _parts(tok, file, block, as_text, allowed):
    """The text of a file in parts whose encodings, end to end, are that of the whole."""
    names = [] if as_text else [name.encode() for name in tok.special_tokens]
    longest = max(map(len, names), default=0)
    rest, at = b"", 0  # `at` is where rest stands in the file
    new = file.read(block)
    while new:
        uncut = len(rest)
        rest += new
        # Text without a cut is looked through again with what comes: as much again, not a block.
        new = file.read(max(block, uncut))
        if not new:  # the last block is refused or yielded as a whole
            break
        # a name that begins in the last bytes may go on in what is not yet read
        cut = _cut(tok, rest, len(rest) - longest)
        if names:
            cut = _check_specials(tok, rest, cut, at, allowed)
        if cut:
            yield rest[:cut]
        rest, at = rest[cut:], at + cut
    if names:
        _check_specials(tok, rest, len(rest), at, allowed)
    if rest:
        yield rest


def _cut(tok, text, end):
    """A place below `end` to cut the text, or 0.

    It is at most twice as far from the end of the text as the last such place, or 4 KiB.
    """
    tail = 1 << 11
    while tail < len(text):
        tail *= 2
        cut = tok._core.cut(text, max(len(text) - tail, 1))
        if cut < end:
            return cut
    return 0


def _check_specials(tok, text, cut, at, allowed):
    """The cut, or the start of the special token across it; refuses what encode would."""
    found = tok._core.find_across(text, cut, allowed)
    if found is None:
        return cut
    start, _, token = found
    if token not in allowed:
        name = tok.token_bytes(token).decode()
        raise ValueError(
            f"encode: the special token {name} stands at byte {at + start}; specials="
            f'"text" (--specials text) takes it as text, "allow" as a control token'
        )
    return start
