"""The stages around the model in a tokenizer.json: which split they mean, and what is refused.

What would give other ids than the file's author meant is refused by name.
"""

import warnings

from gptengine.tokenizer import spaces, splits
from gptengine.tokenizer.vocabulary import END_OF_WORD, name_of

DIGITS = {"type": "Digits", "individual_digits": True}
RULES = "GptengineRules"  # no pre_tokenizer of others: they refuse the file, and misread nothing


def to_stages(vocabulary):
    """What to_json() says around the model."""
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    byte_level["use_regex"] = vocabulary.split in ("gpt2", "smollm")
    decoder = {**byte_level, "use_regex": True}
    normalizer = {"type": "NFC"} if vocabulary.nfc else None
    if spaces.is_split(vocabulary.split):
        normalizer, cut, decoder = spaces.stages(vocabulary.split)
    elif vocabulary.split == "words":
        cut, decoder = {"type": "WhitespaceSplit"}, {"type": "BPEDecoder", "suffix": END_OF_WORD}
    elif vocabulary.split == "gpt2":
        cut = byte_level
    elif vocabulary.split == "smollm":
        cut = {"type": "Sequence", "pretokenizers": [DIGITS, byte_level]}
    elif vocabulary.split not in splits.PATTERNS:
        cut = {"type": RULES, "split": vocabulary.split}
    else:
        pattern = {"Regex": splits.PATTERNS[vocabulary.split]}
        split = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
        cut = {"type": "Sequence", "pretokenizers": [split, byte_level]}
    return {
        "normalizer": normalizer,
        "pre_tokenizer": cut,
        "post_processor": vocabulary.template,
        "decoder": decoder,
    }


def split_of(data, tokens):
    """The split that the pre_tokenizer means, or a normalizer; tokens: their names."""
    stage = data.get("pre_tokenizer")
    stages = _flat(stage, "pretokenizers")
    if found := spaces.split_of(_flat(data.get("normalizer"), "normalizers"), stages, tokens):
        return found
    *before, last = stages or [{}]
    if last.get("type") == "WhitespaceSplit" and not before:
        return "words"
    if last.get("type") == RULES and not before:
        name = last.get("split")
        if not isinstance(name, str) or not name.startswith(splits.RULES):
            raise ValueError(f"pre_tokenizer {stage!r:.500}: its split is none by rules")
        splits.check(name)
        return name
    known = last.get("type") == "ByteLevel" and not last.get("add_prefix_space", True)
    if known and last.get("use_regex", True) and not before:
        return "gpt2"
    if known and last.get("use_regex", True) and before == [DIGITS]:
        return "smollm"
    if known and not last.get("use_regex", True) and len(before) == 1:
        return _split_of_pattern(before[0])
    raise ValueError(
        f"pre_tokenizer {stage!r:.500}: only ByteLevel, single Digits or a Split by a known "
        "pattern and then ByteLevel, and WhitespaceSplit are supported, without add_prefix_space, "
        "and Metaspace"
    )


def _split_of_pattern(stage):
    # Every pattern that is known matches all of a text, so there is nothing between the matches.
    pieces = (stage.get("behavior"), bool(stage.get("invert")))
    usual = [("Isolated", False), ("Isolated", True), ("Removed", True)]
    if stage.get("type") != "Split" or pieces not in usual:
        raise ValueError(f"pre_tokenizer {stage!r:.500}: only Split, Isolated, is supported")
    pattern = stage.get("pattern")
    pattern = pattern.get("Regex") if isinstance(pattern, dict) else None
    if not isinstance(pattern, str):
        raise ValueError(f"pre_tokenizer {stage!r:.500}: its pattern is no regular expression")
    return splits.from_pattern(pattern)


def wants_nfc(data):
    """Whether the normalizer is NFC, of which a warning says that it is left out."""
    for stage in (stages := _flat(data.get("normalizer"), "normalizers")):
        if stage.get("type") != "NFC":
            raise ValueError(f"normalizer {data.get('normalizer')!r:.500}: not supported")
    if stages:
        warn_of_nfc()
    return bool(stages)


def warn_of_nfc():
    warnings.warn("tokenizer: input must be NFC: it is not normalized here", stacklevel=6)


def check_decoder(data, split):
    stages = _flat(data.get("decoder"), "decoders")
    if spaces.is_split(split):
        spaces.check_decoder(stages, split)
        return
    if split == "words":
        good = [(s.get("type"), s.get("suffix")) for s in stages] == [("BPEDecoder", END_OF_WORD)]
    else:
        good = [s.get("type") for s in stages] == ["ByteLevel"]
    if not good:
        only = f"BPEDecoder with {END_OF_WORD!r}" if split == "words" else "ByteLevel"
        raise ValueError(f"decoder {data.get('decoder')!r:.500}: only {only} is supported")


def template_of(data, ids):
    """The TemplateProcessing of a file, checked against its ids, or None.

    ByteLevel, the other post-processor that may be there, changes offsets alone.
    """
    stages = _flat(data.get("post_processor"), "processors")
    kinds = [stage.get("type") for stage in stages]
    templates = [stage for stage in stages if stage.get("type") == "TemplateProcessing"]
    others = [kind for kind in kinds if kind not in ("ByteLevel", "TemplateProcessing")]
    if others or len(templates) > 1:
        raise ValueError(
            f"post_processor {data.get('post_processor')!r:.500}: only ByteLevel and one "
            "TemplateProcessing are supported"
        )
    if not templates:
        return None
    try:
        _check_template(templates[0], ids)
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"post_processor {templates[0]!r:.500}: not in the usual form") from None
    return templates[0]


def template(before, after, ids):
    """A TemplateProcessing that puts these tokens around a text; None for neither."""
    if before is None and after is None:
        return None

    def side(name, kind):
        return [] if name is None else [{"SpecialToken": {"id": name, "type_id": kind}}]

    texts = [{"Sequence": {"id": letter, "type_id": k}} for k, letter in enumerate("AB")]
    single, second = ([*side(before, k), text, *side(after, k)] for k, text in enumerate(texts))
    names = [name for name in (before, after) if name is not None]
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": single + second,
        "special_tokens": {n: {"id": n, "ids": [ids[n]], "tokens": [n]} for n in names},
    }


def template_said(config, ids):
    """That of a tokenizer_config.json, for files that say none: add_bos_token, add_eos_token."""
    sides = [
        name_of(config.get(f"{role}_token")) if config.get(f"add_{role}_token") else None
        for role in ("bos", "eos")
    ]
    for name in sides:
        if name is not None and name not in ids:
            raise ValueError(f"{name!r:.80} goes around a text, but is no control token")
    return template(*sides, ids)


def around(template):
    """What a template puts before and after a text: two lists of ids."""
    if template is None:
        return [], []
    sides = [[], []]
    for part in template["single"]:
        if "Sequence" in part:
            sides.reverse()
        else:
            sides[0] += template["special_tokens"][part["SpecialToken"]["id"]]["ids"]
    return sides[1], sides[0]


def _check_template(template, ids):
    single, known = template["single"], template["special_tokens"]
    texts = [part["Sequence"]["id"] for part in single if "Sequence" in part]
    if texts != ["A"]:
        raise ValueError(f"post_processor {single!r:.500}: the text must stand in it once")
    for part in (*single, *template["pair"]):
        if "Sequence" not in part and part["SpecialToken"]["id"] not in known:
            raise ValueError(f"post_processor: {part!r:.200} is not in its special_tokens")
    for entry in known.values():
        numbers = all(type(i) is int for i in entry["ids"])  # None is no id of no token
        if not numbers or [ids.get(name) for name in entry["tokens"]] != entry["ids"]:
            raise ValueError(f"post_processor: the ids of {entry!r:.200} are not in the vocab")


def _flat(stage, inside):
    """The stages that a stage consists of."""
    if stage is None:
        return []
    stages = [stage]
    if isinstance(stage, dict) and stage.get("type") == "Sequence":
        stages = stage.get(inside)
    if not isinstance(stages, list) or not all(isinstance(s, dict) for s in stages):
        raise ValueError(f"{stage!r:.500} is not a stage, and not a Sequence of them")
    return stages
