"""`vocab.json` and `merges.txt`, side by side: the files of GPT-2 and those after it.

They do not say the split, which is GPT-2's unless whoever loads them says otherwise. The special
tokens stand in tokenizer_config.json or added_tokens.json, or they are known: <|endoftext|>.
"""

from gptengine.files import atomic_write
from gptengine.tokenizer import hugging_face, splits, stages
from gptengine.tokenizer.subword_nmt import HEADER
from gptengine.tokenizer.vocabulary import (
    END_OF_TEXT,
    Vocabulary,
    check_ids,
    in_order,
    unspell_all,
)

VOCAB, MERGES, ADDED = "vocab.json", "merges.txt", "added_tokens.json"
SLOW_CLASSES = {"gpt2": "GPT2Tokenizer", "qwen2": "Qwen2Tokenizer"}
NFC = ("qwen2",)  # whose class normalizes text first


def read(folder, split, special_tokens, config):
    """The Vocabulary in a folder; config holds the entries of tokenizer_config.json."""
    vocab = hugging_face.decode(folder / VOCAB)
    if not isinstance(vocab, dict):
        raise ValueError("the file must hold a JSON object, from tokens to ids")
    if special_tokens is None:
        special_tokens = _special_tokens(folder, vocab, config)
    split = split or "gpt2"
    splits.check_of_bytes(split, VOCAB)
    in_order(vocab, special_tokens)
    check_ids(vocab, special_tokens)
    merges = read_merges(folder / MERGES)
    plain = [name for name in vocab if name not in special_tokens]
    ids = dict(zip(unspell_all(plain), (vocab[name] for name in plain), strict=True))
    merges = hugging_face.merge_ids(merges, vocab)
    nfc = split_said(config) in NFC
    if nfc:
        stages.warn_of_nfc()
    options = dict(nfc=nfc, template=stages.template_said(config, special_tokens))
    return Vocabulary.of_ids(ids, special_tokens, merges, split=split, **options)


def write(folder, vocabulary, config, eos_token):
    """Writes both, and tokenizer_config.json with the special tokens."""
    if vocabulary.ignore_merges or vocabulary.mode == "bpe":
        raise ValueError("merges.txt cannot say that a piece that is a token is not merged")
    if vocabulary.split not in SLOW_CLASSES:
        raise ValueError(
            f"vocab.json and merges.txt cannot say the split {vocabulary.split!r}, only "
            f"{[*SLOW_CLASSES]}: write a tokenizer.json"
        )
    kind = SLOW_CLASSES[vocabulary.split]
    if vocabulary.nfc != (vocabulary.split in NFC):
        does = "does not normalize" if vocabulary.nfc else "normalizes"
        raise ValueError(
            f"vocab.json and merges.txt of the split {vocabulary.split!r} are a {kind}'s, which "
            f"{does} text to NFC: write a tokenizer.json"
        )
    if vocabulary.template is not None:
        raise ValueError(
            "vocab.json and merges.txt cannot say what is put around a text: write a tokenizer.json"
        )
    names = vocabulary.names()
    merges = [f"{names[a]} {names[b]}" for a, b in vocabulary.merges.tolist()]
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    added = {
        str(i): {"content": name, **flags, "special": name not in vocabulary.shown}
        for name, i in vocabulary.special_tokens.items()
    }
    config = {**config, "added_tokens_decoder": added}
    hugging_face.write_config(folder / hugging_face.CONFIG_FILE, config, eos_token, kind)
    atomic_write(folder / MERGES, "\n".join([HEADER, *merges, ""]).encode())
    atomic_write(folder / VOCAB, hugging_face.encode({name: i for i, name in enumerate(names)}))


def read_merges(path):
    """The lines of merges.txt, without the first if it says the version."""
    if not path.is_file():
        raise ValueError(f"there is no {path.name} beside it")
    lines = path.read_bytes().decode("utf-8").split("\n")
    if lines[0].startswith("#version"):
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    return [line.rstrip("\r") for line in lines]


def split_said(config):
    """The split that the entries of tokenizer_config.json mean, or None."""
    kind = str(config.get("tokenizer_class")).removesuffix("Fast")
    return next((split for split, name in SLOW_CLASSES.items() if name == kind), None)


def _special_tokens(folder, vocab, config):
    decoder = config.get("added_tokens_decoder")
    if isinstance(decoder, dict) and decoder:
        out = {}
        for i, entry in decoder.items():
            name = entry.get("content") if isinstance(entry, dict) else None
            if not isinstance(name, str) or not i.isdecimal() or len(i) > 10 or name in out:
                raise ValueError(
                    f"added_tokens_decoder of {hugging_face.CONFIG_FILE}: {i!r:.40} is "
                    f"{entry!r:.80}"
                )
            out[name] = int(i)
        return out
    specials = {END_OF_TEXT: vocab[END_OF_TEXT]} if END_OF_TEXT in vocab else {}
    if (folder / ADDED).is_file():
        added = hugging_face.decode(folder / ADDED)
        if not isinstance(added, dict):
            raise ValueError(f"{ADDED} must hold a JSON object, from tokens to ids")
        specials |= added
    return specials
