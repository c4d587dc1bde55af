"""Mistral's tekken.json: ranks in base64, special tokens and the pattern that splits."""

from gptengine.tokenizer import splits
from gptengine.tokenizer.tiktoken_file import add_token
from gptengine.tokenizer.vocabulary import Vocabulary

# What a file without special tokens means, in order of their ids.
OLD_SPECIALS = (
    "<unk> <s> </s> [INST] [/INST] [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_RESULTS] "
    "[/TOOL_RESULTS] [TOOL_CALLS] [IMG] <pad> [IMG_BREAK] [IMG_END] [PREFIX] [MIDDLE] [SUFFIX] "
    "[SYSTEM_PROMPT] [/SYSTEM_PROMPT] [TOOL_CONTENT]"
).split()
MOST_SPECIALS = 1 << 16
CONFIG = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def is_tekken(data):
    """Whether JSON data is in this format."""
    return isinstance(data, dict) and "vocab" in data and isinstance(data.get("config"), dict)


def from_json(data):
    """The Vocabulary in the contents of a file.

    Special tokens have the first ids; a rank counts from after them.
    """
    config = data["config"]
    pattern = config.get("pattern")
    if not isinstance(pattern, str):
        raise ValueError(f"config.pattern is {pattern!r:.80}, not a regular expression")
    first = _number(config, "default_num_special_tokens", MOST_SPECIALS)
    size = _number(config, "default_vocab_size", 1 << 31)
    vocab = data["vocab"]
    if not isinstance(vocab, list) or not all(isinstance(entry, dict) for entry in vocab):
        raise ValueError("vocab must be a list of objects")
    specials = _special_tokens(data.get("special_tokens"), first)
    ids = {}
    for place, entry in enumerate(vocab[: max(size - first, 0)]):
        raw, rank = entry.get("token_bytes"), entry.get("rank")
        if not isinstance(raw, str) or type(rank) is not int or rank != place:
            raise ValueError(f"vocab[{place}] has the rank {rank!r:.40} and bytes {raw!r:.80}")
        add_token(ids, raw, first + rank, f"vocab[{place}]")
    if len(ids) + first != size:
        raise ValueError(
            f"config.default_vocab_size is {size}, but there are {first} special tokens and "
            f"{len(ids)} in vocab"
        )
    return Vocabulary.of_ids(
        ids, specials, split=splits.from_pattern(pattern, tiktoken=True), mode="bpe"
    )


def _special_tokens(entries, count):
    """Ids by name; what has no name is called <SPECIAL_id>."""
    if entries is None:
        entries = [{"rank": i, "token_str": name} for i, name in enumerate(OLD_SPECIALS)]
    if not isinstance(entries, list):
        raise ValueError("special_tokens must be a list of objects")
    names = [None] * count
    for place, entry in enumerate(entries):
        entry = entry if isinstance(entry, dict) else {}
        name, i = entry.get("token_str"), entry.get("rank")
        if not isinstance(name, str) or not name or type(i) is not int or not 0 <= i < count:
            raise ValueError(
                f"special_tokens[{place}] has the rank {i!r:.40} and the name {name!r:.80}; ranks "
                f"are below {count}"
            )
        if names[i] is not None:
            raise ValueError(f"special_tokens: {names[i]!r:.80} and {name!r:.80} both are {i}")
        names[i] = name
    names = [f"<SPECIAL_{i}>" if name is None else name for i, name in enumerate(names)]
    specials = {name: i for i, name in enumerate(names)}
    if len(specials) < count:
        twice = next(name for i, name in enumerate(names) if specials[name] != i)
        raise ValueError(f"special_tokens: {twice!r:.80} stands there twice")
    return specials


def _number(config, key, most):
    value = config.get(key)
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"config.{key} is {value!r:.40}, not a number from 0 to {most}")
    return value
