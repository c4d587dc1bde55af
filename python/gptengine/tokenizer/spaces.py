"""The splits of SentencePiece, as Llama 2 and Mistral 7B have them, and how files spell them.

A space is ▁ in a token, and one may be put before a text; a character without a token is spelled by
the tokens of its bytes, <0x00> to <0xFF>. A split is named sentencepiece:PREFIX:PIECES.

PREFIX says before which stretches of text, between control tokens, a space is put: "never", "first"
the one at the start of a text if it does not start with a space, "always" each that does not, and
"every" each. PIECES says what merging never crosses: "each" space has a border before it, or by the
tokens there are, so that no id changes, "words" each run of spaces, or "text" nothing.
"""

import re

NAME = "sentencepiece:"
LETTER = "▁"  # U+2581
PREFIXES = ("never", "first", "always", "every")
BYTE = re.compile("<0x[0-9A-F]{2}>")
BYTES = [f"<0x{b:02X}>" for b in range(256)]


def is_split(split):
    return split.startswith(NAME)


def name(prefix, tokens, each=False):
    """The split of a file with tokens of these names; each: it has a border at each space."""
    crossing = re.compile(f"[^{LETTER}]{LETTER}")
    words = "text" if any(map(crossing.search, tokens)) else "words"
    return f"{NAME}{prefix}:{'each' if each else words}"


def parts(split):
    """PREFIX and PIECES."""
    return split.removeprefix(NAME).split(":")


def stages(split):
    """The normalizer, pre_tokenizer and decoder of a tokenizer.json."""
    prefix, pieces = parts(split)
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": LETTER}
    normalizer, cut = None, None
    if prefix == "every":
        before = {"type": "Prepend", "prepend": LETTER}
        normalizer = {"type": "Sequence", "normalizers": [before, replace]}
    elif prefix == "never" and pieces != "each":
        normalizer = replace
    else:
        cut = {"type": "Metaspace", "replacement": LETTER, "prepend_scheme": prefix}
        cut["split"] = pieces == "each"
    return normalizer, cut, {"type": "Sequence", "decoders": _decoders(prefix)}


def split_of(normalizers, cuts, tokens):
    """The split that the stages of a tokenizer.json mean; None where they mean another kind."""
    kinds = [stage.get("type") for stage in normalizers]
    if cuts and cuts[0].get("type") == "Metaspace":
        if normalizers or len(cuts) > 1:
            raise ValueError("pre_tokenizer Metaspace is only supported alone, without normalizer")
        return _of_metaspace(cuts[0], tokens)
    if cuts or kinds not in (["Prepend", "Replace"], ["Replace"]):
        return None
    *before, replace = normalizers
    if (replace.get("pattern"), replace.get("content")) != ({"String": " "}, LETTER):
        raise ValueError(f"normalizer {replace!r:.200}: only a space becomes {LETTER!r}")
    if before and before[0].get("prepend") != LETTER:
        raise ValueError(f"normalizer {before[0]!r:.200}: only {LETTER!r} is prepended")
    return name("every" if before else "never", tokens)


def check_decoder(decoders, split):
    """Refuses a decoder that does not undo the split."""
    wanted = _decoders(parts(split)[0])
    if decoders != wanted:
        kinds = ", ".join(stage["type"] for stage in wanted)
        raise ValueError(f"decoder {decoders!r:.500}: for this split only {kinds} is supported")


def spellings(token):
    """How files may spell a token of these bytes in a text, first the one that text becomes."""
    spelled = token.replace(b" ", LETTER.encode())
    known = [] if spelled.decode("utf-8", "replace") in BYTES else [spelled]
    return known if len(token) != 1 else [*known, BYTES[token[0]].encode()]


def symbols(piece, ids, tokens):
    """The ids that merging a piece, bytes, starts from; ids by bytes of what merging knows."""
    found = []
    for c in piece.decode("utf-8", "surrogateescape").replace(" ", LETTER):
        raw = c.encode("utf-8", "surrogateescape")
        if raw in ids:
            found.append(ids[raw])
        else:
            found += [tokens.index(BYTES[b].encode()) for b in raw]
    return found


def _of_metaspace(stage, tokens):
    if stage.get("replacement", stage.get("str_rep")) != LETTER:
        raise ValueError(f"pre_tokenizer {stage!r:.200}: only {LETTER!r} replaces a space")
    older = "always" if stage.get("add_prefix_space", True) else "never"
    prefix = stage.get("prepend_scheme", older)
    if prefix not in ("never", "first", "always"):
        raise ValueError(f"pre_tokenizer {stage!r:.200}: its prepend_scheme is not known")
    return name(prefix, tokens, each=bool(stage.get("split", True)))


def _decoders(prefix):
    replace = {"type": "Replace", "pattern": {"String": LETTER}, "content": " "}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    decoders = [replace, {"type": "ByteFallback"}, {"type": "Fuse"}]
    return decoders if prefix == "never" else [*decoders, strip]
