"""Small vocabularies as SentencePiece has them, and the definition of their encoding."""

import itertools
import struct

import numpy as np

from gptengine.tokenizer import Tokenizer, spaces
from gptengine.tokenizer.vocabulary import Vocabulary

CONTROL = ["<unk>", "<s>", "</s>"]
TEXTS = [
    "",
    " ",
    "low lower  lowest",
    "  the low\n\n   lower ",
    "naïve नमस्ते 漢字。😀\u200d 1234\t\x00",
    "aaaaaaa aaaa  aaaaaaaaaaaa",
    "low</s>low <s> low<s><s>",
    "<0x0A> a▁low ▁▁",
]
JOINED = [
    "aa",
    "▁l",
    "ow",
    "▁low",
    "er",
    "▁▁",
    "es",
    "est",
    "▁lower",
    "aaa",
    "▁lowest",
    "th",
    "▁the",
]
LETTERS = "▁lowersthaïn漢1234"


def names(joined=JOINED, letters=LETTERS):
    """By id: control tokens, bytes, what is joined, letters, as SentencePiece orders them."""
    return [*CONTROL, *spaces.BYTES, *joined, *dict.fromkeys(letters)]


def vocabulary(prefix="every", joined=JOINED, mode="bpe", each=False, letters=LETTERS):
    """Joined by ids, or by a list of all merges as files of tokenizers have it."""
    tokens = [name.encode() for name in names(joined, letters)]
    split = spaces.name(prefix, names(joined, letters), each)
    nothing = np.empty((0, 2), np.uint32)
    specials = {name: i for i, name in enumerate(CONTROL)}
    made = Vocabulary(tokens, nothing, specials, split, "bpe")
    if mode == "bpe":
        return made
    return Vocabulary(tokens, every_merge(made), specials, split)


def every_merge(vocab):
    """All pairs that make a token, by its id and theirs: so files are made of SentencePiece's."""
    ranks, merges = vocab.ranks(), []
    for token, i in ranks.items():
        for k in range(1, len(token)):
            left, right = token[:k], token[k:]
            if left in ranks and right in ranks:
                merges.append((i, ranks[left], ranks[right]))
    return np.array(sorted(merges), np.uint32).reshape(-1, 3)[:, 1:]


def tokenizer(prefix="every", **options):
    return Tokenizer(vocabulary(prefix, **options), "</s>")


def reference(vocab, text, specials=True):
    """The ids of a text (bytes) by the definition, slowly."""
    prefix, pieces = spaces.parts(vocab.split)
    ids, at = [], 0
    while at <= len(text):
        found = [(text.find(n.encode(), at), n) for n in vocab.special_tokens if specials]
        found = [(place, -len(n), n) for place, n in found if place >= 0]
        end, _, name = min(found, default=(len(text), 0, None))
        ids += _stretch(vocab, text[at:end], prefix, pieces, at == 0)
        if name is None:
            return ids
        ids.append(vocab.special_tokens[name])
        at = end + len(name.encode())
    return ids


def _stretch(vocab, text, prefix, pieces, first):
    letters = text.decode("utf-8", "surrogateescape").replace(" ", "▁")
    wanted = {"never": False, "first": first, "always": True, "every": True}[prefix]
    if letters and wanted and (prefix == "every" or letters[0] != "▁"):
        letters = "▁" + letters
    if pieces == "each":
        parts = [p for i, p in enumerate(letters.split("▁")) for p in [("▁" if i else "") + p] if p]
    else:
        parts = [letters]
    return list(itertools.chain.from_iterable(_joined(vocab, part) for part in parts))


def _joined(vocab, letters):
    ranks, listed = vocab.ranks(), {}
    for rank, pair in enumerate(vocab.merges.tolist()):
        listed[tuple(pair)] = rank
    ids = []
    for c in letters:
        raw = c.encode("utf-8", "surrogateescape")
        bytes_ = [vocab.tokens.index(b"<0x%02X>" % b) for b in raw]
        ids += [ranks[raw]] if raw in ranks else bytes_

    def join(a, b):
        made = ranks.get(vocab.tokens[a] + vocab.tokens[b])
        known = {a, b} <= set(ranks.values())
        if vocab.mode == "bpe":
            return (made, made) if made is not None and known else None
        return (listed[a, b], made) if (a, b) in listed else None

    while found := [
        (*join(a, b), i) for i, (a, b) in enumerate(zip(ids, ids[1:], strict=False)) if join(a, b)
    ]:
        _, made, i = min(found, key=lambda f: (f[0], f[2]))
        ids[i : i + 2] = [made]
    return ids


def protobuf(vocab, kind=2, drop=(), types=None, **options):
    """The bytes of a tokenizer.model with the tokens of a vocabulary that is joined by ids.

    types: those of some tokens by id, where they are not the usual ones.
    """
    raw = b""
    for i, name in enumerate(vocab.names()):
        special = {0: 2, 1: 3, 2: 3}.get(i, 6 if spaces.BYTE.fullmatch(name) else 1)
        special = (types or {}).get(i, special)
        piece = _block(1, name.encode()) + b"\x15" + struct.pack("<f", -i) + _number(3, special)
        raw += _block(1, piece)
    trainer = {3: kind, 35: 1, 43: -1, **options.get("trainer", {})}
    normalizer = {3: vocab.split.count("every"), 4: 0, 5: 1, **options.get("normalizer", {})}
    for field, values in ((2, trainer), (3, normalizer)):
        parts = (
            _block(n, v) if isinstance(v, bytes) else _number(n, v)
            for n, v in values.items()
            if n not in drop
        )
        raw += _block(field, b"".join(parts))
    return raw


def _block(field, data):
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _number(field, value):
    return _varint(field << 3) + _varint(value % (1 << 64))


def _varint(value):
    low, value = value & 127, value >> 7
    return bytes([low | 128]) + _varint(value) if value else bytes([low])
