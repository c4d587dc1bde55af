"""The codes of subword-nmt: a merge on each line, where </w> ends the last token of a word.

It writes words as their tokens with `@@ ` between them; here </w> in the token says where a word
ends. A file has no list of tokens: they are the characters in the merges, each also as the last of
a word, then what the merges make, then <unk>.
"""

import numpy as np

from gptengine.tokenizer.vocabulary import END_OF_WORD, UNKNOWN, Vocabulary

HEADER = "#version: 0.2"


def from_text(text):
    """The Vocabulary in the contents of a file."""
    lines = text.split("\n")
    header = lines[0].rstrip("\r ")
    if header != HEADER:
        raise ValueError(f"the first line is {header!r:.80}, not {HEADER!r}")
    pairs, letters, made = {}, set(), set()
    for number, line in enumerate(lines[1:], 2):
        line = line.strip("\r ")
        if not line:
            if any(lines[number:]):
                raise ValueError(f"line {number} is empty")
            break
        pair = tuple(line.split(" "))
        if len(pair) != 2 or not all(pair):
            raise ValueError(f"line {number} is {line!r:.80}, not two tokens")
        if pair[0].endswith(END_OF_WORD):
            raise ValueError(f"line {number}: {pair[0]!r:.80} ends a word, so nothing follows it")
        for token in pair:
            if len(letter := token.removesuffix(END_OF_WORD)) == 1:
                letters.add(letter)
            elif token not in made:
                raise ValueError(f"line {number}: {token!r:.80} is made by no line before")
        made.add("".join(pair))
        pairs.setdefault(pair)  # of two lines that are the same, the first counts
    symbols = [s for c in sorted(letters) for s in (c, c + END_OF_WORD)]
    ids = {name: i for i, name in enumerate(symbols)}
    for left, right in pairs:
        ids.setdefault(left + right, len(ids))
    merges = [(ids[left], ids[right]) for left, right in pairs]
    if UNKNOWN in ids:
        raise ValueError(f"the merges make {UNKNOWN!r}, which stands for unknown characters")
    ids = {name.encode(): i for name, i in ids.items()}
    merges = np.array(merges, np.uint32)
    return Vocabulary.of_ids(ids, {UNKNOWN: len(ids)}, merges, split="words")
