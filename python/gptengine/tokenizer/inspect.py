r"""Looking at a tokenizer: the tokens of a text, the merges that make a word, facts about it all.

tokens(tok, "Hausaufgaben")      # [Token(id=…, bytes=b"Haus", rank=…), …]
merge_trees(tok, "Hausaufgaben")  # a list of trees a piece: Node(bytes=…, left=…, right=…)
facts(tok).longest               # [Token, …]
"""

from __future__ import annotations

import dataclasses

import numpy as np

from gptengine import _core
from gptengine.tokenizer import spaces, splits
from gptengine.tokenizer.arguments import utf8

MOST_BYTES = 1000  # of a piece that is drawn as a tree
SEEN = {" ": "·", "\n": "⏎", "\r": "␍", "\t": "→"}


@dataclasses.dataclass(frozen=True)
class Token:
    """A token: its id, its bytes, and the rank of the merge that makes it, if there is one."""

    id: int
    bytes: bytes
    rank: int | None = None
    special: bool = False


@dataclasses.dataclass(frozen=True)
class Node:
    """A token inside a word; where a merge made it, its rank and what it joined."""

    id: int
    bytes: bytes
    rank: int | None = None
    left: Node | None = None
    right: Node | None = None


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a vocabulary consists of.

    ambiguous: the ids that the list of merges makes otherwise than joining by ids does; see
    Tokenizer.ambiguous_tokens.
    """

    vocab_size: int
    split: str
    mode: str
    merges: int
    special_tokens: dict[str, int]
    longest: list[Token]
    ambiguous: list[int]


class Lookup:
    """The tokens of a tokenizer as Tokens, with the ranks of their merges found once.

    bytes   of each token by its id, as Tokenizer.token_bytes has them
    id_of   the ids of tokens that are not special, by their bytes; of a letter and of the byte that
            stands in for one, the letter's
    """

    def __init__(self, tok):
        vocabulary = tok._vocabulary
        spelled, merging = vocabulary.tokens, vocabulary.ranks()
        self.bytes = [tok._core.token(i) for i in range(tok.vocab_size)]
        self.special = set(vocabulary.special_tokens.values())
        self.id_of = {token: i for i, token in enumerate(self.bytes) if i not in self.special}
        self.id_of |= {self.bytes[i]: i for i in merging.values()}
        self.ranks = {}  # by made id
        if tok.mode == "bpe":
            of_bytes = splits.of_bytes(vocabulary.split)
            symbols = len if of_bytes else lambda token: len(token.decode("utf-8", "replace"))
            self.ranks = {i: i for token, i in merging.items() if symbols(token) > 1}
            return
        for rank, (left, right) in enumerate(vocabulary.merges.tolist()):
            made = merging.get(spelled[left] + spelled[right])
            if made is not None:
                self.ranks.setdefault(made, rank)

    def token(self, i) -> Token:
        i = int(i)
        return Token(i, self.bytes[i], self.ranks.get(i), i in self.special)


def tokens(tok, text, *, specials="refuse", mode=None) -> list[Token]:
    """The tokens of a text, str or bytes; specials and mode as for Tokenizer.encode."""
    lookup = Lookup(tok)
    return [lookup.token(i) for i in tok.encode(text, specials=specials, mode=mode)]


def merge_trees(tok, text, *, specials="refuse") -> list[list[Node]]:
    """For each piece that the split makes of a text, its tokens as trees of the merges.

    Their ids are those of Tokenizer.encode, with the same specials; a special token is a piece. A
    leaf is a byte, for the split "words" and those of SentencePiece a character; or a token that is
    taken as a whole, which no merges arrive at.
    """
    lookup, data = Lookup(tok), utf8(text)
    tok.count(data, specials=specials)  # refuses what encode does
    found, at, fresh = [], 0, True
    names = [] if specials == "text" else tok._core.find_specials(data).reshape(-1, 3).tolist()
    for start, end, i in names:
        found += [_trees(tok, lookup, piece) for piece in pieces(tok, data[at:start], fresh)]
        found.append([Node(i, lookup.bytes[i])])
        at, fresh = end, tok._core.restarts(i)
    return found + [_trees(tok, lookup, piece) for piece in pieces(tok, data[at:], fresh)]


def pieces(tok, data: bytes, fresh=True) -> list[bytes]:
    """What the split makes of a text: merges never cross their borders.

    fresh: whether the text is one before which a space is put, where the split puts one.
    """
    split = tok._vocabulary.split
    if fresh and tok._core.puts_prefix(data):
        data = b" " + data
    ends = np.cumsum(_core.split(data, split), dtype=np.int64).tolist()
    found = [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    return found if split != "words" else [piece for piece in found if not _is_space(piece)]


def facts(tok, longest=10) -> Facts:
    """Facts about a vocabulary, with so many of its longest tokens."""
    vocabulary = tok._vocabulary
    return Facts(
        vocab_size=tok.vocab_size,
        split=vocabulary.split,
        mode=tok.mode,
        merges=len(vocabulary.merges),
        special_tokens=tok.special_tokens,
        longest=longest_tokens(tok, longest),
        ambiguous=tok.ambiguous_tokens(),
    )


def longest_tokens(tok, most: int) -> list[Token]:
    """The longest tokens that are not special, in bytes."""
    lookup = Lookup(tok)
    order = sorted(lookup.id_of.items(), key=lambda item: (-len(item[0]), item[1]))
    return [lookup.token(i) for _, i in order[:most]]


def visible(data: bytes) -> str:
    """The text of some bytes with nothing in it that is not seen, or that moves a cursor.

    A space is ·, a newline ⏎, a tab →; what is no character or cannot be seen is spelled as in
    Python: \\xe2, \\u200d.
    """
    text = data.decode("utf-8", "backslashreplace")
    return "".join(SEEN.get(c) or (c if c.isprintable() else _escaped(c)) for c in text)


def _escaped(character):
    return character.encode("unicode_escape").decode()


def _is_space(piece):
    return _core.split(piece + b"x", "words").size > 1


def _trees(tok, lookup, piece):
    if len(piece) > MOST_BYTES:
        raise ValueError(
            f"inspect: a piece of the text has {len(piece):,} bytes; a tree of merges is drawn of "
            f"at most {MOST_BYTES:,}"
        )
    if tok.mode == "greedy":
        ids = tok.encode(piece, specials="text")
        return [Node(int(i), lookup.bytes[int(i)]) for i in ids]
    nodes = _merged(tok, lookup, piece)
    whole = tok.mode == "bpe" and not spaces.is_split(tok._vocabulary.split)
    whole = whole or tok._vocabulary.ignore_merges
    if whole and len(nodes) > 1 and piece in lookup.id_of:
        return [Node(lookup.id_of[piece], piece)]
    return nodes


def _merged(tok, lookup, piece):
    """The nodes after all merges."""
    ids, steps = tok._core.joins(piece, tok.mode)
    nodes = {at: Node(i, lookup.bytes[i]) for at, i in enumerate(ids.tolist())}
    ends = {at: at + 1 for at in nodes}
    for at, rank, made in steps.reshape(-1, 3).tolist():
        right = ends[at]
        ends[at] = ends[right]
        nodes[at] = Node(made, lookup.bytes[made], rank, nodes[at], nodes.pop(right))
    return [*nodes.values()]
