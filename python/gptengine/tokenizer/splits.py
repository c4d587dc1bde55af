r"""The splits by name, and the regular expressions that files spell them with.

The engine splits by scanners, not by regular expressions: what is no known spelling of a pattern is
refused, because another split is another tokenizer.
"""

_ENDS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACE = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_UB, _LB = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_START, _OTHER = r"[^\r\n\p{L}\p{N}]?", r" ?[^\s\p{L}\p{N}]+"

# What is written: patterns that every engine reads the same way. tiktoken's spelling of cl100k is
# none: its $ is also the end of a line to tokenizers, and its {1,3}+ any number of digits.
PATTERNS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
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
