r"""The splits by name, and the regular expressions that files spell them with.

The engine splits by scanners, not by regular expressions: what is no known spelling of a pattern is
refused, because another split is another tokenizer.
"""

from gptengine import _core
from gptengine.tokenizer import spaces
from gptengine.tokenizer.arguments import integer, several

_ENDS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACE = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_UB, _LB = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_START, _OTHER = r"[^\r\n\p{L}\p{N}]?", r" ?[^\s\p{L}\p{N}]+"

# What is written: patterns that every engine reads the same way. tiktoken's spelling of cl100k is
# none: its $ is also the end of a line to tokenizers, and its {1,3}+ any number of digits.
PATTERNS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    # SmolLM's and StarCoder's files say it as two steps: each digit alone, then GPT-2's pattern.
    "smollm": (r"'s|'t|'re|'ve|'m|'ll|'d|\p{N}| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+"),
    "cl100k": rf"{_ENDS}|{_START}\p{{L}}+|\p{{N}}{{1,3}}|{_OTHER}[\r\n]*|\s+\z|{_SPACE}",
    "o200k": (
        f"{_START}{_UB}*{_LB}+{_ENDS}?|{_START}{_UB}+{_LB}*{_ENDS}?"
        rf"|\p{{N}}{{1,3}}|{_OTHER}[\r\n/]*|{_SPACE}"
    ),
    "llama3": rf"{_ENDS}|{_START}\p{{L}}+|\p{{N}}{{1,3}}|{_OTHER}[\r\n]*|{_SPACE}",
    "qwen2": rf"{_ENDS}|{_START}\p{{L}}+|\p{{N}}|{_OTHER}[\r\n]*|{_SPACE}",
    "tekken": rf"{_START}{_UB}*{_LB}+|{_START}{_UB}+{_LB}*|\p{{N}}|{_OTHER}[\r\n/]*|{_SPACE}",
    "words": r"\s+|\S+",
}
NAMES = tuple(PATTERNS)
CLASSES = "LUlCMNSn_O"  # of characters in rules
RULES = "rules:"  # what the name of a split by rules begins with; see rules()

# Other spellings of a part of a pattern that match the same in every program.
_PARTS = {
    "'(?i:[sdmt]|ll|ve|re)": _ENDS,
    "'(?:[sdmt]|ll|ve|re)": "'s|'t|'re|'ve|'m|'ll|'d",
    r"[^\r\n\p{L}\p{N}]?+": _START,
    r"| ?[^\s\p{L}\p{N}]++": rf"|{_OTHER}",
    r"|\s*[\r\n]|": r"|\s*[\r\n]+|",
}
# Of tiktoken alone: to tokenizers $ is the end of a line, {1,3}+ any number of digits.
TIKTOKEN = {
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s": "gpt2",
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s": "cl100k",
}


def from_pattern(pattern, tiktoken=False):
    """The name of the split that a regular expression spells, for tiktoken or for all programs."""
    usual = pattern
    for part, usual_part in _PARTS.items():
        usual = usual.replace(part, usual_part)
    for name, known in PATTERNS.items():
        if usual == known and name != "words":  # whose tokens end in </w>
            return name
    if tiktoken and pattern in TIKTOKEN:
        return TIKTOKEN[pattern]
    raise ValueError(f"the split pattern {pattern!r:.2000} is none of {', '.join(NAMES[:-1])}")


def of_bytes(split):
    """Whether tokens are made of bytes, and files spell them so."""
    return split != "words" and not spaces.is_split(split)


def check_of_bytes(split, kind):
    """Refuses a split that cannot be that of a kind of file, whose tokens are made of bytes."""
    if not of_bytes(split):
        raise ValueError(f"{kind} has tokens of bytes, and not of the split {split!r}")


def check(split):
    """Refuses what is neither a name nor a split by rules."""
    families = (RULES, spaces.NAME)
    if not isinstance(split, str) or not (split in NAMES or split.startswith(families)):
        raise ValueError(
            f"tokenizer: split {split!r} is not known: choose from {', '.join(NAMES)}, "
            f"or {RULES}..."
        )
    _core.split(b"", split)


def rules(*rules):
    """The name of a split by rules: wherever a split is named, this name can stand.

    A rule is a list of runs, each (characters, least, most): at least and at most so many, None for
    any number. Characters are some of L letter, U upper or title case, l lower case, C letter
    without case, M mark, N number, S white space, n newline, _ space, O the rest. A run takes all
    it can; the first rule that fits makes the piece; where none fits, a character is one.
    """
    if not rules:
        raise ValueError("a split needs a rule")
    name = RULES + "|".join("".join(map(_run, several("a rule", rule))) for rule in rules)
    check(name)
    return name


def _run(run):
    if not isinstance(run, list | tuple) or not 1 <= len(run) <= 3:
        raise ValueError(f"a run of a rule is {run!r:.80}, not (characters, least, most)")
    characters, least, most = [*run, *(1, 1)[len(run) - 1 :]]
    if not isinstance(characters, str) or not set(characters) <= set(CLASSES):
        raise ValueError(
            f"a run of a rule has the characters {characters!r:.80}: some of {CLASSES}"
        )
    least = integer("the least of a run", least, 0)
    most = "" if most is None else integer("the most of a run", most, least)
    return f"[{characters}]{{{least},{most}}}"
