"""`.tiktoken` files: a token in base64 and its rank on each line.

They say neither the split nor the special tokens, which whoever loads one has to know.
"""

import base64
import re

from gptengine.files import atomic_write
from gptengine.tokenizer import readings, splits
from gptengine.tokenizer.vocabulary import Vocabulary

SUFFIX = ".tiktoken"
KIND = f"a {SUFFIX} file"
RANK = re.compile(rb"\d{1,10}")


def read(path, split, special_tokens):
    """The Vocabulary in a file."""
    if split is None or special_tokens is None:
        raise ValueError(
            "such a file says neither its split nor its special tokens: "
            f"load(path, split=..., special_tokens={{name: id}}), where split is one of "
            f"{', '.join(splits.NAMES[:-1])}"
        )
    splits.check_of_bytes(split, KIND)
    ids = {}
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line:
            continue
        token, _, rank = line.rstrip(b"\r").partition(b" ")
        if not RANK.fullmatch(rank):
            raise ValueError(f"line {number} is {line[:80]!r}, not base64, a space and a rank")
        add_token(ids, token, int(rank), f"line {number}")
    return Vocabulary.of_ids(ids, special_tokens, split=split, mode="bpe")


def write(path, vocabulary):
    """Writes the ranks; ValueError where joining by them gives other ids than the merges."""
    splits.check_of_bytes(vocabulary.split, KIND)
    differ = readings.differences(vocabulary)
    if differ:
        token = vocabulary.tokens[differ[0]]
        raise ValueError(
            f"a .tiktoken file joins by ids, which makes {len(differ)} tokens otherwise than the "
            f"merges do, the first of them {differ[0]}, {token[:80]!r}"
        )
    ranks = sorted((i, token) for token, i in vocabulary.ranks().items())
    lines = [b"%s %d\n" % (base64.b64encode(token), i) for i, token in ranks]
    atomic_write(path, b"".join(lines))


def add_token(ids, raw, i, where):
    """Adds a token that is given in base64 to a dict from bytes to ids."""
    try:
        token = base64.b64decode(raw, validate=True)
    except ValueError as error:
        raise ValueError(f"{where}: {raw[:80]!r} is not base64: {error}") from None
    if not token:
        raise ValueError(f"{where}: the token {i} is empty")
    if token in ids:
        raise ValueError(f"{where}: the tokens {ids[token]} and {i} are both {token[:80]!r}")
    ids[token] = i
