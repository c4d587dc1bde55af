r"""The definition of every split: the published patterns, run by Python's own backtracking re.

re knows no \p{L}. So each character that no pattern names gives way to one that stands for its
class, and \p{..} is the set of those. Slow, short, and what the engine's scanners must equal.
"""

import codecs
import re
import unicodedata

SPACES = {9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
SPACES |= set(range(0x2000, 0x200B))
CLASSES = {"Lu": "U", "Lt": "U", "Ll": "l", "Lm": "L", "Lo": "L"}
CLASSES |= dict.fromkeys(("Mn", "Mc", "Me"), "M") | dict.fromkeys(("Nd", "Nl", "No"), "N")
STANDS_FOR = {"U": "Q", "l": "q", "L": "ª", "M": "\u0301", "N": "1", "S": "\t", "O": "!"}
NAMED = set("sdmtlverSDMTLVERſ'/ \r\n")
# Inside [ ] alone. re ignores the case of A-Z and of s and ſ within (?i: ) as the others do.
SETS = {"U": "A-Z", "Ll": "a-zſ", "Lo": "ª", "M": "\u0301", "N": "1"}
SETS["L"] = SETS["U"] + SETS["Ll"] + SETS["Lo"]

_ENDS = r"'s|'t|'re|'ve|'m|'ll|'d"
_SPACE = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_UB, _LB = r"[\p{U}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lo}\p{M}]"
_LLAMA = (
    rf"(?i:{_ENDS})|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}]+|[\p{{N}}]%s| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|%s"
)
_CASED = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UB}*{_LB}+%s|[^\r\n\p{{L}}\p{{N}}]?{_UB}+{_LB}*%s"
    rf"|[\p{{N}}]%s| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACE}"
)
PATTERNS = {
    "gpt2": rf"{_ENDS}| ?[\p{{L}}]+| ?[\p{{N}}]+| ?[^\s\p{{L}}\p{{N}}]+|\s+(?!\S)|\s+",
    "smollm": rf"{_ENDS}|[\p{{N}}]| ?[\p{{L}}]+| ?[^\s\p{{L}}\p{{N}}]+|\s+(?![^\s\p{{N}}])|\s+",
    "cl100k": _LLAMA % ("{1,3}", r"\s+\Z|\s*[\r\n]|\s+(?!\S)|\s"),
    "o200k": _CASED % (f"(?i:{_ENDS})?", f"(?i:{_ENDS})?", "{1,3}"),
    "llama3": _LLAMA % ("{1,3}", _SPACE),
    "qwen2": _LLAMA % ("", _SPACE),
    "tekken": _CASED % ("", "", ""),
    "words": r"\s+|\S+",
}


def kind(char):
    """U upper or title case, l lower, L letter without case, M, N, S white space, O the rest."""
    return "S" if ord(char) in SPACES else CLASSES.get(unicodedata.category(char), "O")


def stand_in(char):
    return char if char in NAMED else STANDS_FOR[kind(char)]


def compiled(pattern):
    for name, members in SETS.items():
        pattern = pattern.replace(rf"\p{{{name}}}", members)
    return re.compile(pattern)


COMPILED = {name: compiled(pattern) for name, pattern in PATTERNS.items()}


def characters(data):
    """The bytes as text, and where each character ends; a maximal invalid part is one U+FFFD."""
    parts, ends = {}, [0]

    def replace(error):
        parts[error.start] = error.end
        return "\ufffd", error.end

    codecs.register_error("part", replace)
    text = data.decode("utf-8", "part")
    for char in text:
        ends.append(parts.get(ends[-1], ends[-1] + len(char.encode())))
    return text, ends


def split(data, name="gpt2"):
    """The pieces of the bytes."""
    text, ends = characters(data)
    shadow = "".join(map(stand_in, text))
    return [data[ends[m.start()] : ends[m.end()]] for m in COMPILED[name].finditer(shadow)]
