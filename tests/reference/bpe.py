"""The definition of byte-level BPE with GPT-2's split: slow, short, and what the engine must equal.

The only thing that the engine does and this does not: cut pieces above 1,024 bytes for training.
"""

import collections
import unicodedata

SPACES = {9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
SPACES |= set(range(0x2000, 0x200B))
CONTRACTIONS = ("'s", "'d", "'m", "'t", "'ll", "'ve", "'re")


def kind(char):
    """L letter, N number, S white space, O other; a byte that is not UTF-8 is O."""
    if ord(char) in SPACES:
        return "S"
    category = unicodedata.category(char)[0]
    return category if category in "LN" else "O"


def split(data):
    """The pieces of GPT-2's pattern."""
    text, pieces = data.decode("utf-8", "surrogateescape"), []
    kinds = [kind(char) for char in text]
    i = 0
    while i < len(text):
        word = i + (text[i] == " " and i + 1 < len(text))  # a space belongs to what follows it
        end = word
        while end < len(text) and kinds[end] == kinds[word]:
            end += 1
        if kinds[word] == "S":  # the last white space of several belongs to what follows it
            end = end - 1 if end < len(text) and end - i > 1 else end
        end = next((i + len(c) for c in CONTRACTIONS if text.startswith(c, i)), end)
        pieces.append(text[i:end].encode("utf-8", "surrogateescape"))
        i = end
    return pieces


def train(texts, count, min_frequency=1):
    """Up to count merges: pairs of ids, where id 256 + i is what merge i makes."""
    words = collections.Counter(tuple(piece) for text in texts for piece in split(text))
    merges = []
    while len(merges) < count:
        pairs = collections.Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:], strict=False):
                pairs[pair] += n
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < min_frequency:
            break
        merged = collections.Counter()
        for word, n in words.items():
            merged[tuple(join(word, best, 256 + len(merges)))] += n
        words = merged
        merges.append(best)
    return merges


def join(word, pair, new):
    """The word with every occurrence of the pair joined, from left to right."""
    out = []
    for token in word:
        if out and (out[-1], token) == pair:
            out[-1] = new
        else:
            out.append(token)
    return out


def encode(data, merges):
    rank, ids = {pair: i for i, pair in enumerate(merges)}, []
    for piece in split(data):
        word = list(piece)
        while ranks := [
            (rank[p], i) for i, p in enumerate(zip(word, word[1:], strict=False)) if p in rank
        ]:
            best, i = min(ranks)
            word[i : i + 2] = [256 + best]
        ids += word
    return ids


def decode(ids, merges):
    tokens = [bytes([b]) for b in range(256)]
    for left, right in merges:
        tokens.append(tokens[left] + tokens[right])
    return b"".join(tokens[i] for i in ids)
