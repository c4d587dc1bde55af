"""What is taken for a tokenizer and is none: what it is instead, and what is read.

The messages go on after a colon and the path, or after what is wrong.
"""

from gptengine.tokenizer.subword_nmt import HEADER

SUFFIXES = (".tiktoken", ".gguf", ".model")
NAMES = (
    "tokenizer.json",
    "tekken.json",
    "vocab.json",
    "tokenizer.model",
)  # the first of them that is there is read
READ = (
    "a tokenizer.json, vocab.json with merges.txt, tekken.json, tokenizer.model, .tiktoken, .gguf, "
    f"or codes of subword-nmt, which begin with {HEADER!r}"
)
SENTENCEPIECE = "a unigram model of sentencepiece, which is not read: only BPE is"
WORDPIECE = "a WordPiece vocabulary, as BERT has: gptengine.tokenizer.WordPiece reads it, in Python"
MODEL_TYPES = {"Unigram": SENTENCEPIECE, "WordPiece": WORDPIECE}
LOOKED_AT = 1 << 12  # bytes of a file


def folder(path):
    """What a folder without a tokenizer has instead."""
    names = sorted(p.name for p in path.iterdir())
    several = [name for name in names if name.endswith(SUFFIXES)]
    if len(several) > 1:
        return f"the folder holds {', '.join(several[:5])}: give the one that is meant"
    suffixes = ", ".join(SUFFIXES)
    said = f"no tokenizer in this folder: none of {', '.join(NAMES)}, and no {suffixes} file"
    if "vocab.txt" in names:
        return f"{said}; its vocab.txt is {WORDPIECE}"
    return said


def contents(data):
    """What JSON without a model of a tokenizer is."""
    if isinstance(data, dict) and ("model_type" in data or "architectures" in data):
        return "a model's config: its tokenizer is the tokenizer.json beside it"
    return f"no tokenizer: give {READ}"


def other(path):
    """What a file is that has neither a suffix nor a header that is known."""
    with open(path, "rb") as file:
        start = file.read(LOOKED_AT)
    lines = start.decode("utf-8", "replace").splitlines()
    if "[UNK]" in lines[:1000]:
        return WORDPIECE
    if b"\0" in start or "\ufffd" in lines[0][:50]:
        return f"no tokenizer, and no text: give {READ}"
    return f"no tokenizer: it begins with {lines[0]!r:.50}; give {READ}"
