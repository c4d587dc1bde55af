"""Checks of what a user gives: texts, ids, numbers, amounts of memory; errors name the argument."""

import numbers
import operator
import re

import numpy as np

UNITS = {"": 1, "K": 1, "M": 2, "G": 3, "T": 4}


def utf8(text):
    """The bytes of a text, where U+FFFD stands for lone surrogates; bytes as they are."""
    if isinstance(text, bytes):
        return bytes(text)
    if not isinstance(text, str):
        raise ValueError(f"tokenizer: text must be str or bytes, not {type(text).__name__}")
    try:
        return text.encode()
    except UnicodeEncodeError:  # joins surrogate pairs and replaces lone surrogates
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def several(name, value):
    """An iterator over what must be several things."""
    try:
        return iter(value)
    except TypeError:
        raise ValueError(f"tokenizer: {name} is {value!r:.80} and must be a list") from None


def number(name, value):
    """The value as a float."""
    if not isinstance(value, numbers.Real):
        raise ValueError(f"tokenizer: {name} is {value!r:.80} and must be a number")
    return float(value)


def integer(name, value, least, end=1 << 62):
    """The value as an int of at least that much, and below the end, which is a power of two."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"tokenizer: {name} is {value!r:.80} and must be an integer") from None
    if isinstance(value, bool) or number < least:
        raise ValueError(f"tokenizer: {name} is {_short(value)} and must be at least {least}")
    if number >= end:
        raise ValueError(
            f"tokenizer: {name} is {_short(number)} and must be below 2**{end.bit_length() - 1}"
        )
    return number


def bytes_of(memory):
    """A number of bytes, given as it is or as text with a unit: "1GiB", "500 MB"."""
    if isinstance(memory, str):
        match = re.fullmatch(
            r"\s*(\d{1,20}(?:\.\d{1,20})?)\s*([KMGT]?)(i?)B?\s*", memory, re.IGNORECASE
        )
        if not match:
            raise ValueError(f'tokenizer: memory={memory!r:.80} must be bytes or like "1GiB"')
        number, prefix, binary = match.groups()
        memory = int(float(number) * (1024 if binary else 1000) ** UNITS[prefix.upper()])
    memory = integer("memory", memory, 0)
    if memory < 1 << 20:
        raise ValueError(f"tokenizer: memory is {memory} bytes and must be at least 1 MiB")
    return memory


def names(special_tokens):
    """A list of names that differ."""
    found = [*several("special_tokens", special_tokens)]
    if "" in found:
        raise ValueError("tokenizer: special_tokens has an empty name")
    if isinstance(special_tokens, str) or not all(isinstance(n, str) for n in found):
        raise ValueError(f"tokenizer: special_tokens must be a list of names: {special_tokens!r}")
    if len(set(found)) < len(found):
        raise ValueError(f"tokenizer: special_tokens repeat a name: {found}")
    return found


def token_ids(ids, vocab_size):
    """Ids as uint32 (n,); KeyError names one that is not in the vocabulary, and its place."""
    ids = np.asarray(ids)
    if ids.size == 0:
        return np.empty(0, np.uint32)
    if ids.ndim != 1 or ids.dtype.kind not in "iu":
        raise ValueError(
            f"tokenizer: ids must be a list of integers, not {ids.dtype} of shape {ids.shape}"
        )
    if ids.min() < 0 or ids.max() >= vocab_size:
        # None if another thread has changed the ids since; the engine checks its own copy.
        for bad in np.flatnonzero((ids < 0) | (ids >= vocab_size))[:1]:
            raise KeyError(f"token id {ids[bad]} at {bad} is not in the vocabulary of {vocab_size}")
    return np.ascontiguousarray(ids, np.uint32)


def _short(number):
    """For a message: Python does not even write an int of thousands of digits."""
    return number if abs(number) < 1 << 256 else f"of {number.bit_length()} bits"
