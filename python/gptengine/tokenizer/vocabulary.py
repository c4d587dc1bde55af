"""What a BPE tokenizer consists of, and the spelling of its tokens in files."""

import dataclasses

import numpy as np

from gptengine.tokenizer import readings, spaces, splits

END_OF_TEXT = "<|endoftext|>"  # the special token of GPT-2
END_OF_WORD = "</w>"  # what the last token of a word ends in, where the split is "words"
UNKNOWN = "<unk>"  # what stands for a character without a token there
MOST_UNUSED = 1024  # ids without a token that a file may have


def name_of(token):
    """The name of a token in tokenizer_config.json, where it may be an AddedToken; or None."""
    return token.get("content") if isinstance(token, dict) else token


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The tokens by id, the merges by rank, and which tokens are special."""

    tokens: list[bytes]
    merges: np.ndarray  # (M, 2) uint32: the ids that each merge joins
    special_tokens: dict[str, int]
    split: str = "gpt2"  # what cuts text into the pieces that merges never cross
    mode: str = "merges"  # how a piece becomes tokens
    ignore_merges: bool = False  # a piece that is a token is that token, whatever the merges say
    shown: frozenset[str] = frozenset()  # special tokens that others show when they decode
    nfc: bool = False  # others normalize text to NFC first; here the text must be so
    template: dict | None = None  # what others put around a text: TemplateProcessing of a file

    @classmethod
    def of_bytes(cls, merges, special_tokens, split="gpt2"):
        """Bytes are 0 to 255, merge i makes token 256 + i, special tokens come last."""
        nothing = cls([bytes([b]) for b in range(256)], np.empty((0, 2), np.uint32), {}, split)
        return nothing.extended(merges, special_tokens)

    @classmethod
    def of_ids(cls, ids, special_tokens, merges=(), **options):
        """The same from a dict of bytes to id, and special tokens by name.

        A few ids may have no token: a special token with a name of its own takes each.
        """
        tokens = in_order(ids, {name.encode(): i for name, i in special_tokens.items()})
        special_tokens = dict(special_tokens)
        for i, token in enumerate(tokens):
            if token is None:
                name = unused(i)
                if name in special_tokens or name.encode() in ids:
                    raise ValueError(f"no token has the id {i}, and {name!r} has another one")
                special_tokens[name] = i
                tokens[i] = name.encode()
        return cls(tokens, np.array(merges, np.uint32).reshape(-1, 2), special_tokens, **options)

    def extended(self, merges, special_tokens):
        """The same with more merges, of which each makes a new token, and then special tokens.

        It can be written: see names().
        """
        tokens = list(self.tokens)
        for left, right in merges.tolist():
            tokens.append(tokens[left] + tokens[right])
        ids = {name: len(tokens) + i for i, name in enumerate(special_tokens)}
        made = dataclasses.replace(
            self,
            tokens=tokens + [name.encode() for name in special_tokens],
            merges=np.concatenate([self.merges, merges]),
            special_tokens=self.special_tokens | ids,
        )
        made.names()
        return made

    def spelled(self, tokens):
        """How files spell tokens that are not special."""
        if splits.of_bytes(self.split):
            return [spell(token) for token in tokens]
        return [token.decode("utf-8", "surrogateescape") for token in tokens]

    def names(self):
        """How files spell each token, by id.

        ValueError for a special token that is the spelling of another one: files could not tell
        them apart.
        """
        names = self.spelled(self.tokens)
        for name, i in self.special_tokens.items():
            names[i] = name
        if len(set(names)) < len(names):
            seen = set()
            name = next(name for name in names if name in seen or seen.add(name))
            token = unspell(name) if splits.of_bytes(self.split) else name.encode()
            raise ValueError(f"tokenizer: the special token {name!r} is how files spell {token!r}")
        return names

    def ranks(self):
        """The ids of the tokens that merging knows, by their bytes."""
        apart = set(self.special_tokens.values())
        ranks = {token: i for i, token in enumerate(self.tokens) if i not in apart}
        if spaces.is_split(self.split):
            for name in spaces.BYTES:
                ranks.pop(name.encode(), None)
        return ranks

    def listed_merges(self):
        """The merges (M, 2) by rank, also where they follow from the ids.

        There every two tokens that make a token are merged: a file of merges gives the same ids so.
        Of characters, the two that ever do.
        """
        if self.mode != "bpe":
            return self.merges
        if spaces.is_split(self.split):
            pairs = [*readings.firing(self, True).values()]
            return np.array(pairs, np.uint32).reshape(-1, 2)
        ranks, merges = self.ranks(), []
        lengths = {len(token) for token in ranks}  # else a long token is sliced at each byte
        for token, _ in sorted(ranks.items(), key=lambda item: item[1]):
            size = len(token)
            places = range(1, size) if size < len(lengths) else lengths
            cuts = ((token[:k], token[k:]) for k in places if k in lengths and size - k in lengths)
            pairs = [(ranks[a], ranks[b]) for a, b in cuts if a in ranks and b in ranks]
            merges += sorted(pairs)
        return np.array(merges, np.uint32).reshape(-1, 2)


def in_order(*dicts):
    """The keys by their ids, None where there is none; ValueError says what is wrong with an id."""
    room = sum(map(len, dicts)) + MOST_UNUSED
    names = [None] * room
    end, left = 0, dicts
    if len(dicts[0]) > 0 and set(map(type, dicts[0].values())) == {int}:  # the usual, quickly
        values = [*dicts[0].values()]
        end = max(values) + 1
        if min(values) >= 0 and end <= room and len(set(values)) == len(values):
            for name, i in dicts[0].items():
                names[i] = name
            left = dicts[1:]
        else:
            end = 0
    for ids in left:
        for name, i in ids.items():
            if type(i) is not int or i < 0:
                raise ValueError(f"the id of {_said(name)} is {i!r:.40}, not a number from 0 on")
            if i >= room:
                known = {k for ids in dicts for k in ids.values()}
                gap = next(k for k in range(room + 1) if k not in known)
                raise ValueError(f"no token has the id {gap}, but there are higher ids")
            if names[i] is None:
                names[i] = name
                end = max(end, i + 1)
            elif names[i] != name:
                raise ValueError(f"{_said(names[i])} and {_said(name)} both have the id {i}")
    return names[:end]


def check_ids(vocab, special_tokens):
    """Refuses a special token that has another id in the vocab of a file."""
    for name, i in special_tokens.items():
        if vocab.get(name, i) != i:
            raise ValueError(f"{name!r:.80} has the ids {vocab[name]} and {i}")


def unused(i):
    """The name of the special token that takes an id which has no token."""
    return f"<|unused_{i}|>"


def _said(name):
    if isinstance(name, bytes):
        name = name.decode("utf-8", "surrogateescape")
    return repr(name) if len(name) < 80 else f"{name[:80]!r}..."


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
_SPELLING = str.maketrans({chr(b): c for b, c in enumerate(ALPHABET)})
_TABLE = np.full(1 + ord(max(ALPHABET)) + 1, -1, np.int16)  # by code point; the last for all above
_TABLE[[ord(c) for c in ALPHABET]] = range(256)


def spell(token):
    """The bytes of a token as characters that JSON can hold."""
    return token.decode("latin-1").translate(_SPELLING)


def unspell(text):
    """The bytes that spell() wrote; ValueError names a character that it never writes."""
    for c in text:
        if c not in _BYTES:
            raise ValueError(f"{c!r} in the token {_said(text)} stands for no byte")
    return bytes(_BYTES[c] for c in text)


def unspell_all(texts):
    """unspell() of many, all at once."""
    joined = "".join(texts).encode("utf-32-le", "surrogatepass")
    codes = np.minimum(np.frombuffer(joined, np.uint32), len(_TABLE) - 1)
    values = _TABLE[codes]
    if values.size and values.min() < 0:
        for text in texts:
            unspell(text)
    data = values.astype(np.uint8).tobytes()
    out, start = [], 0
    for text in texts:
        end = start + len(text)
        out.append(data[start:end])
        start = end
    return out
