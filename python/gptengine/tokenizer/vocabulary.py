"""What a byte-level BPE tokenizer consists of, and the spelling of its tokens in files."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The tokens by id, the merges by rank, and which tokens are special."""

    tokens: list[bytes]
    merges: np.ndarray  # (M, 2) uint32: the ids that each merge joins
    special_tokens: dict[str, int]
    split: str = "gpt2"  # what cuts text into the pieces that merges never cross

    @classmethod
    def of_bytes(cls, merges, special_tokens, split="gpt2"):
        """Bytes are 0 to 255, merge i makes token 256 + i, special tokens come last."""
        nothing = cls([bytes([b]) for b in range(256)], np.empty((0, 2), np.uint32), {}, split)
        return nothing.extended(merges, special_tokens)

    def extended(self, merges, special_tokens):
        """The same with more merges, of which each makes a new token, and then special tokens.

        A special token must not look like the spelling of another one: files could not tell them
        apart.
        """
        tokens = list(self.tokens)
        for left, right in merges.tolist():
            tokens.append(tokens[left] + tokens[right])
        spelled = {spell(token) for token in tokens}
        for name in special_tokens:
            if name in spelled:
                raise ValueError(
                    f"tokenizer: the special token {name!r} is how files spell {unspell(name)!r}"
                )
        ids = {name: len(tokens) + i for i, name in enumerate(special_tokens)}
        return Vocabulary(
            tokens + [name.encode() for name in special_tokens],
            np.concatenate([self.merges, merges]),
            self.special_tokens | ids,
            self.split,
        )


def _alphabet():
    """The character that stands for each byte in files, as GPT-2 has it.

    A printable Latin-1 byte stands for itself, the others take code points from 256 on in order.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    codes = {b: b for b in printable} | {b: 256 + i for i, b in enumerate(others)}
    return [chr(codes[b]) for b in range(256)]


ALPHABET = _alphabet()
_BYTES = {c: b for b, c in enumerate(ALPHABET)}


def spell(token):
    """The bytes of a token as characters that JSON can hold."""
    return "".join(ALPHABET[b] for b in token)


def unspell(text):
    """The bytes that spell() wrote; ValueError names a character that it never writes."""
    for c in text:
        if c not in _BYTES:
            raise ValueError(f"{c!r} in the token {text!r} stands for no byte")
    return bytes(_BYTES[c] for c in text)
