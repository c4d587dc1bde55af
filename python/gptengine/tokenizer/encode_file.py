"""A file of text becomes a file of token ids, in bounded memory.

The ids lie end to end, little-endian, 16 bits each where the vocabulary has no more than 65,536
tokens and else 32, as np.fromfile or np.memmap read them.
"""

import numpy as np

from gptengine.files import atomic_write

BLOCK = 1 << 24  # bytes of text that are read at a time


def encode_file(tok, source, target, *, specials="refuse", mode=None, block=BLOCK):
    """Encode the file `source` into `target`; return how many ids there are and their dtype.

    The ids are those of the whole text at once: it is only cut where that changes nothing. Text
    without such a place, such as one endless word, is held as a whole.
    """
    policy = tok._policy(specials)
    dtype = np.dtype("<u2" if tok.vocab_size <= 1 << 16 else "<u4")
    total = 0

    def write(file):
        nonlocal total
        with open(source, "rb") as text:
            for part in _parts(tok, text, block, *policy):
                ids, _ = tok.encode_batch([part], specials=specials, mode=mode)
                file.write(ids.astype(dtype, copy=False).data)
                total += len(ids)

    atomic_write(target, write)
    return total, dtype


def _parts(tok, file, block, as_text, allowed):
    """The text of a file in parts whose encodings, end to end, are that of the whole."""
    names = [] if as_text else [name.encode() for name in tok.special_tokens]
    longest = max(map(len, names), default=0)
    rest, at = b"", 0  # `at` is where rest stands in the file
    while new := file.read(block):
        rest += new
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
    """A place below `end` to cut the text, near it if there is one; or 0."""
    for tail in (1 << 12, 1 << 16, len(text)):
        cut = tok._core.cut(text, max(len(text) - tail, 1))
        if cut < end:
            return cut
    return 0


def _check_specials(tok, text, cut, at, allowed):
    """The cut, or the start of the special token across it; refuses what encode would."""
    end = 0
    while (found := tok._core.find_special(text, end)) and found[0] < cut:
        start, end, token = found
        if token not in allowed:
            name = tok.token_bytes(token).decode()
            raise ValueError(
                f"encode_file: the special token {name} stands at byte {at + start}; "
                f'specials="text" takes it as text, "allow" as a control token'
            )
        if end > cut:
            return start
    return cut
