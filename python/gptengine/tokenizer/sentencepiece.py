"""tokenizer.model, as SentencePiece writes it: a protobuf message, of which BPE models are read.

Read are pieces, the kind of model, and what is done to text before; what would give other ids than
SentencePiece does is refused by name.
"""

import dataclasses
import struct

from gptengine.tokenizer import mistaken, spaces, stages
from gptengine.tokenizer.vocabulary import Vocabulary

SUFFIX = ".model"
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)  # types of pieces
KINDS = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}
ROLES = {"unk": (40, 0), "bos": (41, 1), "eos": (42, 2), "pad": (43, -1)}  # fields, defaults
VARINT, LONG, BLOCK, SHORT = 0, 1, 2, 5  # kinds of fields


def from_bytes(data, config):
    """The Vocabulary, and the entries of tokenizer_config.json that the message has.

    config: that of the tokenizer_config.json beside it, which says what is put around a text.
    """
    model = _message(data, "the file")
    if not model.get(1):
        raise ValueError("no sentencepiece model: it has no pieces")
    trainer, normalizer = (_message(_last(model, n, b""), f"field {n}") for n in (2, 3))
    kind = _last(trainer, 3, 1)
    if kind != 2:
        hint = f": {mistaken.SENTENCEPIECE}" if kind == 1 else ""
        raise ValueError(f"the model is {KINDS.get(kind, kind)!r:.40}, not 'bpe'{hint}")
    _check_text(trainer, normalizer)
    pieces = [_piece(raw, i) for i, raw in enumerate(model[1])]
    _check_types(pieces)
    vocabulary = vocabulary_of(*zip(*pieces, strict=True), prefixed=_last(normalizer, 3, 1))
    entries = {}
    for role, (number, default) in ROLES.items():
        i = _last(trainer, number, default)
        if 0 <= i < len(pieces):  # a negative one is none
            entries[f"{role}_token"] = pieces[i][0]
    template = stages.template_said(entries | config, vocabulary.special_tokens)
    return dataclasses.replace(vocabulary, template=template), entries


def vocabulary_of(names, scores, types, prefixed):
    """The Vocabulary of pieces by id, whose scores say what is joined first.

    prefixed: whether a space is put before every stretch of text.
    """
    specials, shown, ids, last = {}, set(), {}, None
    for i, (name, score, kind) in enumerate(zip(names, scores, types, strict=True)):
        if kind not in (NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE):
            raise ValueError(f"the token {i}, {name!r:.80}, has the type {kind!r:.40}")
        if not name:
            raise ValueError(f"the token {i} is empty")
        known = specials.get(name, ids.get(name.encode()))
        if known is not None:
            raise ValueError(f"the tokens {known} and {i} are both {name!r:.80}")
        if (kind == BYTE) != bool(spaces.BYTE.fullmatch(name)):
            raise ValueError(f"the token {i}, {name!r:.80}, has the type {kind}: is it a byte?")
        if kind in (NORMAL, BYTE):
            ids[name.encode()] = i
        else:
            specials[name] = i
        if kind == USER_DEFINED:
            shown.add(name)
        if kind != NORMAL or len(name) == 1:
            continue
        if last is not None and not score < last[1]:
            raise ValueError(
                f"the score of the token {i}, {name!r:.80}, is {score}, not below that of "
                f"{last[0]!r:.80} before it, {last[1]}: tokens must stand in the order of joining"
            )
        last = (name, score)
    split = spaces.name("every" if prefixed else "never", (name.decode() for name in ids))
    return Vocabulary.of_ids(ids, specials, split=split, mode="bpe", shown=frozenset(shown))


def _check_text(trainer, normalizer):
    """Refuses what is done to text, other than its spaces."""
    for message, number, default, wanted, what in (
        (trainer, 35, 0, 1, "byte_fallback"),
        (trainer, 24, 0, 0, "treat_whitespace_as_suffix"),
        (normalizer, 2, b"", b"", "precompiled_charsmap"),
        (normalizer, 4, 1, 0, "remove_extra_whitespaces"),
        (normalizer, 5, 1, 1, "escape_whitespaces"),
    ):
        value = _last(message, number, default)
        if value != wanted:
            rule = _last(normalizer, 1, b"")
            hint = f", of the rule {rule!r:.40}" if number == 2 else ""
            raise ValueError(f"its {what} is {value!r:.40}, not {wanted!r}{hint}: not supported")


def _check_types(pieces):
    """Refuses pieces that are neither joined nor control tokens.

    SentencePiece cuts user-defined ones out of a text, puts no space behind them and joins them
    with others all the same; unused ones are joined and then taken apart.
    """
    for what, wrong in (("user-defined", USER_DEFINED), ("unused", UNUSED)):
        found = [(i, name) for i, (name, _, kind) in enumerate(pieces) if kind == wrong]
        if found:
            raise ValueError(
                f"the token {found[0][0]}, {found[0][1]!r:.80}, is {what}, and so are "
                f"{len(found) - 1} others: not supported"
            )


def _piece(raw, i):
    """Its name, score and type."""
    if not isinstance(raw, bytes):
        raise ValueError(f"no sentencepiece model: piece {i} is {raw!r:.40}")
    piece = _message(raw, f"piece {i}")
    name, kind = _last(piece, 1, b""), _last(piece, 3, NORMAL)
    score = _last(piece, 2, bytes(4))
    if len(score) != 4:
        raise ValueError(f"piece {i}: its score has {len(score)} bytes, not 4")
    try:
        return name.decode("utf-8"), struct.unpack("<f", score)[0], kind
    except UnicodeDecodeError:
        raise ValueError(f"piece {i}: its name {name!r:.80} is not UTF-8") from None


def _last(message, number, default):
    """The last value of a field, which is the one that counts."""
    value = message.get(number, [default])[-1]
    if type(value) is not type(default):
        raise ValueError(f"no sentencepiece model: field {number} is {value!r:.40}")
    return value


def _message(data, where):
    """The values of each field of a message: int, or bytes."""
    fields, at = {}, 0
    while at < len(data):
        key, at = _varint(data, at, where)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(data, at, where)
            value -= (value >> 63) << 64  # negative numbers are the high ones
        elif kind in (LONG, BLOCK, SHORT):
            size = {LONG: 8, SHORT: 4}.get(kind)
            if size is None:
                size, at = _varint(data, at, where)
            if size > len(data) - at:
                raise ValueError(
                    f"no sentencepiece model: {where} has {len(data)} bytes, but field {number} at "
                    f"{at} needs {size}"
                )
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f"no sentencepiece model: {where} has a field of kind {kind} at {at}")
        fields.setdefault(number, []).append(value)
    return fields


def _varint(data, at, where):
    """A number of at most 64 bits, and where it ends."""
    value = 0
    for i, byte in enumerate(data[at : at + 10]):
        value |= (byte & 127) << 7 * i
        if byte < 128 and value < 1 << 64:
            return value, at + i + 1
    raise ValueError(f"no sentencepiece model: {where} has no number at {at}")
