"""tokenizer.json and tokenizer_config.json, as tokenizers and transformers write and read them.

Read are BPE vocabularies: byte-level ones with a split that is known, those of SentencePiece, and
classic ones of words that end in </w>. What would give other ids than the file's author meant is
refused by name.
"""

import json
import operator
import warnings

import numpy as np

from gptengine.files import atomic_write
from gptengine.tokenizer import mistaken, spaces, splits, stages
from gptengine.tokenizer.vocabulary import (
    END_OF_WORD,
    UNKNOWN,
    Vocabulary,
    check_ids,
    in_order,
    unspell_all,
)

TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
TEMPLATE_FILE = "chat_template.jinja"
MOST_BYTES = 1 << 30  # of a file that is read


def write(path, vocabulary):
    """Writes tokenizer.json."""
    atomic_write(path, encode(to_json(vocabulary)))


def write_config(path, config, eos_token, tokenizer_class="PreTrainedTokenizerFast"):
    """Writes tokenizer_config.json: the entries of config, and what transformers must know."""
    config = {
        **config,
        "tokenizer_class": tokenizer_class,  # PreTrainedTokenizerFast takes tokenizer.json as it is
        "clean_up_tokenization_spaces": False,
        "eos_token": eos_token,
    }
    atomic_write(path, encode(config))


def read(path):
    """The Vocabulary in a tokenizer.json."""
    return from_json(decode(path))


def read_config(path):
    """The entries of a tokenizer_config.json; none where there is no such file.

    A chat template that lies beside it, as newer versions of transformers write it, is one of them.
    """
    config = {}
    try:
        if path.is_file():
            config = decode(path)
            _check(isinstance(config, dict), "the file must hold a JSON object")
        if (template := path.with_name(TEMPLATE_FILE)).is_file():
            config["chat_template"] = template.read_text(encoding="utf-8")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return config


def to_json(vocabulary):
    """The contents of tokenizer.json."""
    specials = {i: name for name, i in vocabulary.special_tokens.items()}
    names, merges = vocabulary.names(), vocabulary.listed_merges().tolist()
    words, pieces = vocabulary.split == "words", spaces.is_split(vocabulary.split)
    unknown = UNKNOWN if words or (pieces and UNKNOWN in vocabulary.special_tokens) else None
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": name, **flags, "special": name not in vocabulary.shown}
            for i, name in sorted(specials.items())
        ],
        **stages.to_stages(vocabulary),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": unknown,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": END_OF_WORD if words else None,
            "fuse_unk": pieces,
            "byte_fallback": pieces,
            # Joining by rank, a piece of bytes that is a token is that token.
            "ignore_merges": vocabulary.ignore_merges or (vocabulary.mode == "bpe" and not pieces),
            "vocab": {name: i for i, name in enumerate(names)},
            "merges": _joined([(names[a], names[b]) for a, b in merges]),
        },
    }


def _joined(pairs):
    """Merges as every version of tokenizers reads them, or as lists if a name has a space."""
    if any(" " in left or " " in right for left, right in pairs):
        return [*map(list, pairs)]
    return [f"{left} {right}" for left, right in pairs]


def from_json(data):
    """The Vocabulary in the contents of a tokenizer.json."""
    model = data.get("model") if isinstance(data, dict) else None
    _check(isinstance(model, dict), f"there is no model: {mistaken.contents(data)}")
    kind = model.get("type", "BPE")  # the oldest files do not say it
    if kind != "BPE":
        known = isinstance(kind, str) and kind in mistaken.MODEL_TYPES
        hint = f": {mistaken.MODEL_TYPES[kind]}" if known else ""
        raise ValueError(f"the model type is {kind!r:.80}, not 'BPE'{hint}")
    vocab = model.get("vocab")
    _check(isinstance(vocab, dict), "the model has no vocab")
    split = stages.split_of(data, vocab)
    pieces = spaces.is_split(split)
    _check_model(model, split)
    stages.check_decoder(data, split)
    added = data.get("added_tokens") or []
    specials, shown = special_tokens(added)
    if pieces and data.get("normalizer"):  # which would put a space before the names, too
        for entry in added:
            _check(not entry.get("normalized"), f"{entry!r:.200} is normalized: not supported")
    in_order(vocab, specials)  # names what is wrong with an id as the file spells the token
    check_ids(vocab, specials)
    if split == "words":
        _check(UNKNOWN in vocab, f"there is no {UNKNOWN!r} in the vocab")
        specials.setdefault(UNKNOWN, vocab[UNKNOWN])
    template = stages.template_of(data, {**vocab, **specials})
    for stage in ("truncation", "padding"):
        if data.get(stage):
            warnings.warn(f"tokenizer: {stage} {data[stage]!r:.80} is not done here", stacklevel=4)
    plain = [name for name in vocab if name not in specials]
    tokens = unspell_all(plain) if splits.of_bytes(split) else [name.encode() for name in plain]
    ids = dict(zip(tokens, (vocab[name] for name in plain), strict=True))
    return Vocabulary.of_ids(
        ids,
        specials,
        merge_ids(model.get("merges"), vocab, specials if pieces else ()),
        split=split,
        ignore_merges=bool(model.get("ignore_merges")),
        shown=frozenset(shown),
        nfc=not pieces and stages.wants_nfc(data),
        template=template,
    )


def _check_model(model, split):
    """Refuses what would change the ids."""
    pieces = spaces.is_split(split)
    unsupported = ("dropout", "continuing_subword_prefix")
    for key in (*unsupported, "ignore_merges" if pieces else "byte_fallback"):
        _check(not model.get(key), f"model.{key} is {model.get(key)!r:.80}: not supported")
    _check(not pieces or model.get("byte_fallback"), "model.byte_fallback must be true with ▁")
    suffix, unknown = model.get("end_of_word_suffix") or None, model.get("unk_token")
    wanted = END_OF_WORD if split == "words" else None
    _check(suffix == wanted, f"model.end_of_word_suffix is {suffix!r:.80}, not {wanted!r}")
    if split == "words":
        _check(unknown == UNKNOWN, f"model.unk_token is {unknown!r:.80}, not {UNKNOWN!r}")
        for key in ("fuse_unk", "ignore_merges"):
            _check(not model.get(key), f"model.{key} is {model.get(key)!r:.80}: not supported")


def special_tokens(added):
    """Their ids by name, and those that others show when they decode."""
    _check(isinstance(added, list), "added_tokens must be a list")
    specials, shown = {}, []
    for entry in added:
        _check(isinstance(entry, dict), f"added token {entry!r:.200} is not an object")
        name, i = entry.get("content"), entry.get("id")
        _check(isinstance(name, str) and name != "", f"added token {entry!r:.200} has no content")
        _check(name not in specials, f"added token {name!r:.80} stands there twice")
        for key in ("single_word", "lstrip", "rstrip"):
            _check(not entry.get(key), f"added token {name!r:.80} has {key}: not supported")
        if type(i) is not int or i < 0:
            raise ValueError(f"the id of {name!r:.80} is {i!r:.40}, not a number from 0 on")
        specials[name] = i
        if not entry.get("special", True):
            shown.append(name)
    return specials, shown


def merge_ids(merges, vocab, without=()):
    """(M, 2) ids. A merge is a pair of spelled tokens, or in older files both with a space.

    without: names of control tokens, whose merges are left out: text that spells one is that token.
    """
    _check(isinstance(merges, list), "the model has no merges")
    try:
        names = _flat(merges)
        made = [*map(operator.add, names[::2], names[1::2])]
        known = all(map(vocab.__contains__, names)) and all(map(vocab.__contains__, made))
    except (TypeError, ValueError):
        known = False
    if not known:  # one by one: what is wrong?
        names = [name for i, merge in enumerate(merges) for name in _pair(i, merge, vocab)]
        made = [*map(operator.add, names[::2], names[1::2])]
    ids = np.array([*map(vocab.__getitem__, names)], np.uint32).reshape(-1, 2)
    return ids[[name not in without for name in made]] if without else ids


def _pair(rank, merge, vocab):
    """The two names of a merge, which the vocab must have, and what they make."""
    pair = merge.split(" ") if isinstance(merge, str) else merge
    if not (isinstance(pair, list) and [*map(type, pair)] == [str, str]):
        raise ValueError(f"merge {rank} is {merge!r:.80}, not a pair of tokens")
    for name in (*pair, "".join(pair)):
        if name not in vocab:
            raise ValueError(
                f"merge {rank} {str(pair):.80} names {name!r:.80}, which is not in the vocab"
            )
    return pair


def _flat(merges):
    """The two names of each merge, end to end; ValueError or TypeError for what is no pair."""
    if not merges or type(merges[0]) is not str:
        return [name for left, right in merges for name in (left, right)]
    text = "\n".join(merges)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = codes[(codes == ord(" ")) | (codes == ord("\n"))]
    if len(ends) != 2 * len(merges) - 1 or (ends[::2] != ord(" ")).any():
        raise ValueError("a merge has no space, or several")
    return text.replace("\n", " ").split(" ")


def encode(data):
    """The bytes of a JSON file."""
    return json.dumps(data, ensure_ascii=False, indent=1).encode()


def decode(path):
    """What a JSON file holds, whose objects name nothing twice."""
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"the file has more than {MOST_BYTES} bytes")

    def unique(pairs):
        out = dict(pairs)
        if len(out) < len(pairs):
            seen = set()
            twice = next(name for name, _ in pairs if name in seen or seen.add(name))
            raise ValueError(f"{twice!r:.80} stands there twice")
        return out

    try:
        return json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=unique)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"not JSON: {error}") from None


def _check(condition, message):
    if not condition:
        raise ValueError(message)
