"""The keys of a GGUF file that say its tokenizer: tokenizer.ggml.*, for BPE.

Of bytes, and of the pieces of SentencePiece.
"""

import dataclasses

import numpy as np

from gptengine.gguf.metadata import read_metadata, write_metadata
from gptengine.tokenizer import hugging_face, readings, sentencepiece, spaces, stages
from gptengine.tokenizer.vocabulary import UNKNOWN as UNKNOWN_NAME
from gptengine.tokenizer.vocabulary import Vocabulary, in_order, name_of, unspell_all, unused

SUFFIX = ".gguf"
KEY = "tokenizer.ggml."
TEMPLATE = "tokenizer.chat_template"
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)  # types of tokens
# The names of splits there, and whether a piece that is a token is never merged. What is written
# stands first.
SPLITS = {
    "gpt-2": ("gpt2", False),
    "phi-2": ("gpt2", False),
    "smollm": ("smollm", False),
    "starcoder": ("smollm", False),
    "refact": ("smollm", False),
    "command-r": ("smollm", False),
    "llama-bpe": ("llama3", True),
    "llama3": ("llama3", True),
    "llama-v3": ("llama3", True),
    "smaug-bpe": ("llama3", False),
    "dbrx": ("llama3", False),
    "qwen2": ("qwen2", False),
    "deepseek-r1-qwen": ("qwen2", False),
    "tekken": ("tekken", True),
    "gpt-4o": ("o200k", False),
    "llama4": ("o200k", False),
}
BEGUN = ("llama-bpe", "llama3", "llama-v3", "tekken")  # with bos_token, if nothing is said
TOKENS = {  # entries of tokenizer_config.json
    "bos_token": "bos_token_id",
    "eos_token": "eos_token_id",
    "unk_token": "unknown_token_id",
    "pad_token": "padding_token_id",
}


def read(path):
    """The Vocabulary in a file, and the entries of tokenizer_config.json that it has."""
    metadata = read_metadata(path)
    model, pre = metadata.get(f"{KEY}model"), metadata.get(f"{KEY}pre")
    if model == "llama":
        return _read_pieces(metadata)
    if model != "gpt2":
        raise ValueError(f"{KEY}model is {model!r:.80}, neither 'gpt2' nor 'llama': no BPE")
    if not isinstance(pre, str) or pre not in SPLITS:
        raise ValueError(f"{KEY}pre is {pre!r:.80}, none of {[*SPLITS]}")
    split, ignore_merges = SPLITS[pre]
    names, types = _named(metadata)
    merges = _list(metadata, "merges")
    specials, shown, vocab = {}, set(), {}
    for i, (name, kind) in enumerate(zip(names, types, strict=True)):
        if kind not in (NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED):
            raise ValueError(f"the token {i}, {name!r:.80}, has the type {kind!r:.40}")
        if name in vocab or name in specials:
            first = names.index(name)
            raise ValueError(f"the tokens {first} and {i} are both {name!r:.80}")
        if not name:
            raise ValueError(f"the token {i} is empty")
        (vocab if kind == NORMAL else specials)[name] = i
        if kind == USER_DEFINED:
            shown.add(name)
    in_order(vocab, specials)
    ids = dict(zip(unspell_all([*vocab]), vocab.values(), strict=True))
    config = _config(metadata, names)
    vocabulary = Vocabulary.of_ids(
        ids,
        specials,
        hugging_face.merge_ids(merges, vocab),
        split=split,
        ignore_merges=ignore_merges,
        shown=frozenset(shown),
        template=_template(metadata, config, specials, begun=pre in BEGUN),
    )
    return vocabulary, config


def _read_pieces(metadata):
    """What read() gives of SentencePiece's tokens, which are joined by their scores."""
    names, types = _named(metadata)
    scores = np.asarray(metadata.get(f"{KEY}scores", [])).tolist()[: len(names)]
    if len(scores) != len(names):
        raise ValueError(f"{KEY}scores has {len(scores)} entries, but {KEY}tokens {len(names)}")
    if len(metadata.get(f"{KEY}precompiled_charsmap", ())):
        raise ValueError(f"{KEY}precompiled_charsmap changes texts: not supported")
    prefixed = metadata.get(f"{KEY}add_space_prefix", True)
    vocabulary = sentencepiece.vocabulary_of(names, scores, types, prefixed)
    config = _config(metadata, names)
    template = _template(metadata, config, vocabulary.special_tokens, begun=True)
    return dataclasses.replace(vocabulary, template=template), config


def _named(metadata):
    """The names and types of tokens, without those that only make an embedding long."""
    names = _list(metadata, "tokens")
    types = metadata.get(f"{KEY}token_type")
    if types is None:
        types = [NORMAL] * len(names)
    if len(types) != len(names):
        raise ValueError(f"{KEY}token_type has {len(types)} entries, but {KEY}tokens {len(names)}")
    types = np.asarray(types).tolist()
    while types and types[-1] == UNUSED and names[-1] in _fillers(len(names) - 1):
        types.pop()
        names.pop()
    return names, types


def metadata(vocabulary, config, eos_token, vocab_size=0):
    """The keys and values; a model of more tokens gets unused ones, as llama.cpp wants them."""
    names = vocabulary.names()
    types = np.full(max(len(names), vocab_size), NORMAL, np.int32)
    types[len(names) :] = UNUSED
    names += [unused(i) for i in range(len(names), vocab_size)]
    for name, i in vocabulary.special_tokens.items():
        types[i] = USER_DEFINED if name in vocabulary.shown else CONTROL
        types[i] = UNUSED if name == unused(i) else types[i]
    if spaces.is_split(vocabulary.split):
        out = _pieces(vocabulary, names, types)
    else:
        merges = [f"{names[a]} {names[b]}" for a, b in vocabulary.listed_merges().tolist()]
        out = {"model": "gpt2", "pre": _pre(vocabulary), "merges": merges}
    out |= {"tokens": names, "token_type": types}
    config = {**config, "eos_token": eos_token}
    before, after = stages.around(vocabulary.template)
    if len(before) > 1 or len(after) > 1:
        raise ValueError(f"GGUF cannot say that {before} goes before a text and {after} after it")
    for side, key in (before, "bos_token"), (after, "eos_token"):
        said = name_of(config.get(key))
        if side:
            if said is not None and said != names[side[0]]:
                raise ValueError(
                    f"GGUF can only put {key} {said!r:.80} around a text, not {names[side[0]]!r}"
                )
            config[key] = names[side[0]]
        out[f"add_{key}"] = bool(side)
    if UNKNOWN_NAME in vocabulary.special_tokens:
        config.setdefault("unk_token", UNKNOWN_NAME)
    for key, name in TOKENS.items():
        said = name_of(config.get(key))
        if said in vocabulary.special_tokens:
            out[name] = vocabulary.special_tokens[said]
    out = {KEY + key: value for key, value in out.items()}
    return out | _template_keys(config.get("chat_template"))


def write(path, vocabulary, config, eos_token):
    """Writes a file that has a tokenizer and no tensors."""
    keys = {"general.architecture": "gpt2", "general.type": "vocab"}
    write_metadata(path, keys | metadata(vocabulary, config, eos_token))


def _pieces(vocabulary, names, types):
    """The keys of SentencePiece's tokens; sets the types of those that stand for bytes.

    llama.cpp joins by scores, and puts a space before every stretch of text, or before none.
    """
    prefix, pieces = spaces.parts(vocabulary.split)
    if prefix in ("first", "always") or pieces == "each":
        raise ValueError(f"GGUF has no name for the split {vocabulary.split!r}")
    if differ := readings.differences(vocabulary):
        raise ValueError(
            f"in GGUF, tokens are joined in the order of their ids, which makes {len(differ)} "
            f"otherwise than the merges do, the first of them {names[differ[0]]!r:.80}"
        )
    apart = {name.encode() for name in spaces.BYTES}
    scores = -np.arange(len(names), dtype=np.float32)
    for i, token in enumerate(vocabulary.tokens):
        if token in apart and types[i] == NORMAL:
            types[i], scores[i] = BYTE, 0
    return {"model": "llama", "scores": scores, "add_space_prefix": prefix == "every"}


def _fillers(i):
    """How we, and how llama.cpp, name a token at the end that only makes the embedding long."""
    return unused(i), f"[PAD{i}]"


def _pre(vocabulary):
    """The name of the split."""
    known = {whole: pre for pre, (s, whole) in reversed(SPLITS.items()) if s == vocabulary.split}
    if not known:
        raise ValueError(f"GGUF has no name for the split {vocabulary.split!r}")
    whole = vocabulary.ignore_merges or vocabulary.mode == "bpe"
    if whole in known:
        return known[whole]
    lone = readings.unreachable(vocabulary)
    if lone:
        token, other = vocabulary.tokens[lone[0]], "never merged" if whole else "merged"
        raise ValueError(
            f"in GGUF, a piece that is a token cannot be {other} with the split "
            f"{vocabulary.split!r}, which changes the ids of {token[:80]!r} and "
            f"{len(lone) - 1} others"
        )
    return known[not whole]


def _list(metadata, key):
    values = metadata.get(KEY + key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{KEY}{key} is not a list of strings")
    return values


def _config(metadata, names):
    """The entries of tokenizer_config.json."""
    config = {}
    for entry, key in TOKENS.items():
        i = metadata.get(KEY + key)
        if i is None:
            continue
        if type(i) is not int or not 0 <= i < len(names):
            raise ValueError(f"{KEY}{key} is {i!r:.40}, but there are {len(names)} tokens")
        config[entry] = names[i]
    if templates := _chat_templates(metadata):
        config["chat_template"] = templates
    return config


def _template_keys(said):
    """The keys of chat templates: one text, or a list of them by name."""
    if said is None:
        return {}
    keys = {}
    named = [{"name": "default", "template": said}] if isinstance(said, str) else said
    for entry in named if isinstance(named, list) else [said]:
        values = (entry.get("name"), entry.get("template")) if isinstance(entry, dict) else ()
        if [*map(type, values)] != [str, str]:
            raise ValueError(
                f"chat_template {said!r:.80} is neither a text nor a list of named ones"
            )
        name, template = values
        keys[TEMPLATE if name == "default" else f"{TEMPLATE}.{name}"] = template
    return keys


def _chat_templates(metadata):
    """What tokenizer_config.json says of the chat templates in a file."""
    default, prefix = metadata.get(TEMPLATE), f"{TEMPLATE}."
    named = [
        {"name": key.removeprefix(prefix), "template": template}
        for key, template in metadata.items()
        if key.startswith(prefix) and isinstance(template, str)
    ]
    if not isinstance(default, str):
        return named
    return [{"name": "default", "template": default}, *named] if named else default


def _template(metadata, config, specials, begun):
    """What goes around a text; begun: whether llama.cpp begins it where the file does not say."""
    usual = {"bos_token": begun and config.get("bos_token") in specials, "eos_token": False}
    sides = []
    for key in usual:
        wanted = metadata.get(f"{KEY}add_{key}", usual[key])
        if wanted and config.get(key) not in specials:
            raise ValueError(f"{KEY}add_{key} is true, but {config.get(key)!r:.80} is not special")
        sides.append(config[key] if wanted else None)
    return stages.template(*sides, specials)
