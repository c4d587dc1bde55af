"""tokenizer.json and tokenizer_config.json, as tokenizers and transformers write and read them.

Read are byte-level BPE vocabularies with GPT-2's split; what would give other ids than the file's
author meant is refused by name.
"""

import json

import numpy as np

from gptengine.files import atomic_write
from gptengine.tokenizer.vocabulary import Vocabulary, spell, unspell

TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"


def write(path, vocabulary):
    """Writes tokenizer.json."""
    atomic_write(path, _encode(to_json(vocabulary)))


def write_config(path, config, eos_token):
    """Writes tokenizer_config.json: the entries of config, and what transformers must know."""
    config = {
        **config,
        "tokenizer_class": "PreTrainedTokenizerFast",  # use tokenizer.json as it is
        "clean_up_tokenization_spaces": False,
        "eos_token": eos_token,
    }
    atomic_write(path, _encode(config))


def read(path):
    """The Vocabulary in a tokenizer.json."""
    return from_json(_decode(path.read_bytes()))


def read_config(path):
    """The entries of a tokenizer_config.json; none where there is no such file."""
    if not path.is_file():
        return {}
    try:
        config = _decode(path.read_bytes())
        _check(isinstance(config, dict), "the file must hold a JSON object")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return config


def to_json(vocabulary):
    """The contents of tokenizer.json."""
    specials = {i: name for name, i in vocabulary.special_tokens.items()}
    spelled = [specials.get(i) or spell(token) for i, token in enumerate(vocabulary.tokens)]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    byte_level["use_regex"] = True
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": name, **flags, "special": True}
            for i, name in sorted(specials.items())
        ],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {name: i for i, name in enumerate(spelled)},
            "merges": [f"{spelled[a]} {spelled[b]}" for a, b in vocabulary.merges.tolist()],
        },
    }


def from_json(data):
    """The Vocabulary in the contents of a tokenizer.json."""
    _check(isinstance(data, dict), "the file must hold a JSON object")
    model = data.get("model")
    _check(isinstance(model, dict), "there is no model")
    _check_kind(data, model)
    vocab = model.get("vocab")
    _check(isinstance(vocab, dict), "the model has no vocab")
    specials = _special_tokens(data.get("added_tokens") or [])

    names = {}  # by id
    for name, i in [*vocab.items(), *specials.items()]:
        if type(i) is not int or i < 0:
            raise ValueError(f"the id of {name!r} is {i!r}, not a number from 0 on")
        if names.setdefault(i, name) != name:
            raise ValueError(f"{names[i]!r} and {name!r} both have the id {i}")
    for name, i in specials.items():
        _check(vocab.get(name, i) == i, f"{name!r} has the ids {vocab.get(name)} and {i}")
    gap = next((i for i in range(len(names)) if i not in names), None)
    _check(gap is None, f"no token has the id {gap}, but there are higher ids")
    special_ids = set(specials.values())
    tokens = [
        names[i].encode() if i in special_ids else unspell(names[i]) for i in range(len(names))
    ]
    return Vocabulary(tokens, _merges(model.get("merges"), vocab), specials)


def _check_kind(data, model):
    """Refuses what is not byte-level BPE with GPT-2's split, or would change the ids."""
    kind = model.get("type", "BPE")  # the oldest files do not say it
    _check(kind == "BPE", f"the model type is {kind!r}, not 'BPE'")
    for key in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        _check(not model.get(key), f"model.{key} is {model.get(key)!r}: not supported")
    for key in ("byte_fallback", "ignore_merges"):
        _check(not model.get(key), f"model.{key} is {model.get(key)!r}: not supported")
    _check(not data.get("normalizer"), f"normalizer {data.get('normalizer')}: not supported")
    split = data.get("pre_tokenizer") or {}
    _check(
        isinstance(split, dict)
        and split.get("type") == "ByteLevel"
        and split.get("use_regex", True)
        and not split.get("add_prefix_space", True),
        f"pre_tokenizer {split}: only GPT-2's ByteLevel split is supported",
    )
    for key, optional in (("decoder", False), ("post_processor", True)):
        stage = data.get(key)
        _check(
            (optional and stage is None)
            or (isinstance(stage, dict) and stage.get("type") == "ByteLevel"),
            f"{key} {stage}: only ByteLevel is supported",
        )


def _special_tokens(added):
    _check(isinstance(added, list), "added_tokens must be a list")
    specials = {}
    for entry in added:
        _check(isinstance(entry, dict), f"added token {entry!r} is not an object")
        name, i = entry.get("content"), entry.get("id")
        _check(isinstance(name, str) and name != "", f"added token {entry} has no content")
        _check(name not in specials, f"added token {name!r} stands there twice")
        for key in ("single_word", "lstrip", "rstrip"):
            _check(not entry.get(key), f"added token {name!r} has {key}: not supported")
        specials[name] = i
    return specials


def _merges(merges, vocab):
    """(M, 2) ids. A merge is a pair of spelled tokens, or in older files both with a space."""
    _check(isinstance(merges, list), "the model has no merges")
    pairs = []
    for rank, merge in enumerate(merges):
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if not (isinstance(pair, list) and [*map(type, pair)] == [str, str]):
            raise ValueError(f"merge {rank} is {merge!r}, not a pair of tokens")
        for name in (*pair, "".join(pair)):
            if name not in vocab:
                raise ValueError(f"merge {rank} {pair} names {name!r}, which is not in the vocab")
        pairs.append([vocab[name] for name in pair])
    return np.array(pairs, np.uint32).reshape(-1, 2)


def _encode(data):
    return json.dumps(data, ensure_ascii=False, indent=1).encode()


def _decode(raw):
    """JSON whose objects name nothing twice."""

    def unique(pairs):
        out = dict(pairs)
        if len(out) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"{twice!r} stands there twice")
        return out

    return json.loads(raw.decode("utf-8"), object_pairs_hook=unique)


def _check(condition, message):
    if not condition:
        raise ValueError(message)
