r"""Looking at a tokenizer: the tokens of a text, the merges that make a word, facts about it all.

tokens(tok, "Hausaufgaben")      # [Token(id=…, bytes=b"Haus", rank=…), …]
merge_trees(tok, "Hausaufgaben")  # a list of trees a piece: Node(bytes=…, left=…, right=…)
facts(tok).longest               # [Token, …]
"""

from __future__ import annotations

import dataclasses

import numpy as np

from gptengine import _core
from gptengine.tokenizer import spaces
from gptengine.tokenizer.arguments import utf8
from gptengine.tokenizer.vocabulary import END_OF_WORD, UNKNOWN

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
    """The tokens of a tokenizer as Tokens, with the ranks of their merges found once."""

    def __init__(self, tok):
        vocabulary = tok._vocabulary
        self.bytes = vocabulary.tokens
        self.special = set(vocabulary.special_tokens.values())
        self.id_of = vocabulary.ranks()
        self.pairs, self.ranks = {}, {}  # (rank, made id) by pair, rank by made id
        if tok.mode == "bpe":
            self.ranks = {i: i for token, i in self.id_of.items() if len(token) > 1}
            return
        for rank, (left, right) in enumerate(vocabulary.merges.tolist()):
            made = self.id_of.get(self.bytes[left] + self.bytes[right])
            if made is not None:
                self.pairs.setdefault((left, right), (rank, made))
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
    while specials != "text" and (special := tok._core.find_special(data, at)):
        start, end, i = special
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
    nodes = _merged(_leaves(tok, lookup, piece), tok.mode, lookup)
    whole = tok.mode == "bpe" and not spaces.is_split(tok._vocabulary.split)
    whole = whole or tok._vocabulary.ignore_merges
    if whole and len(nodes) > 1 and piece in lookup.id_of:
        return [Node(lookup.id_of[piece], piece)]
    return nodes


def _leaves(tok, lookup, piece):
    split = tok._vocabulary.split
    if spaces.is_split(split):
        ids = spaces.symbols(piece, lookup.id_of, lookup.bytes)
        return [Node(i, lookup.bytes[i]) for i in ids]
    if split != "words":
        return [Node(lookup.id_of[piece[i : i + 1]], piece[i : i + 1]) for i in range(len(piece))]
    word = piece.decode("utf-8", "replace")
    names = [c.encode() for c in word[:-1]] + [(word[-1] + END_OF_WORD).encode()]
    unknown = tok.special_tokens.get(UNKNOWN)
    ids = [lookup.id_of.get(name, unknown) for name in names]
    return [Node(i, lookup.bytes[i]) for i in ids]


def _merged(nodes, mode, lookup):
    """The nodes after all merges: again and again the one of the lowest rank, from the left."""

    def join(left, right):
        if mode != "bpe":
            return lookup.pairs.get((left.id, right.id))
        made = lookup.id_of.get(left.bytes + right.bytes)
        return None if made is None else (made, made)

    while True:
        joins = enumerate(map(join, nodes, nodes[1:]))
        found = [(rank_made[0], i, rank_made[1]) for i, rank_made in joins if rank_made]
        if not found:
            return nodes
        rank, i, made = min(found)
        left, right = nodes[i : i + 2]
        nodes[i : i + 2] = [Node(made, lookup.bytes[made], rank, left, right)]
