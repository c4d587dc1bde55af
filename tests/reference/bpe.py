"""The definition of byte-level BPE with GPT-2's split: slow, short, and what the engine must equal.

The only thing that the engine does and this does not: cut pieces above 1,024 bytes for training.
"""

import collections

from reference.split import split


def tie_order(ties):
    """The place of each byte among the bytes, for "huggingface" by the characters of its files."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    if ties == "huggingface":
        return [kept.index(b) if b in kept else 256 + b for b in range(256)]
    return list(range(256))


def train(
    texts,
    count,
    min_frequency=1,
    *,
    ties="huggingface",
    weights=None,
    max_token_length=None,
    forbidden=(),
    base=(),
    split=split,
):
    """Up to count merges after those of base: pairs of ids, where merge i makes the id 256 + i."""
    words, place = collections.Counter(), tie_order(ties)
    for text, weight in zip(texts, weights or [1] * len(texts), strict=True):
        for piece in split(text):
            words[tuple(piece)] += weight
    merges, tokens = [], [bytes([b]) for b in range(256)]

    def learn(pair):
        nonlocal words
        merged = collections.Counter()
        for word, n in words.items():
            merged[tuple(join(word, pair, len(tokens)))] += n
        words = merged
        tokens.append(tokens[pair[0]] + tokens[pair[1]])

    for pair in base:
        learn(pair)
    while len(merges) < count:
        pairs = collections.Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:], strict=False):
                pairs[pair] += n
        for left, right in list(pairs):
            token = tokens[left] + tokens[right]
            if len(token) > (max_token_length or len(token)) or token in forbidden:
                del pairs[left, right]
        order = [(-n, *(place[t] if t < 256 else 256 + t for t in p), p) for p, n in pairs.items()]
        best = min(order, default=[None])[-1]
        if best is None or pairs[best] < min_frequency:
            break
        learn(best)
        merges.append(best)
    return merges


def train_words(text, count, min_frequency=1):
    """Classic byte-pair encoding: words of characters, of which the last one carries </w>.

    Up to count merges, as pairs of strings; ties go to the smaller characters, without </w> first.
    """
    words = collections.Counter(tuple(word[:-1]) + (word[-1] + "</w>",) for word in text.split())
    symbols = sorted({c for word in words for c in word}, key=lambda c: (c[0], len(c)))
    ids, merges = {c: i for i, c in enumerate(symbols)}, []
    while len(merges) < count:
        pairs = collections.Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:], strict=False):
                pairs[pair] += n
        best = min(pairs, key=lambda p: (-pairs[p], ids[p[0]], ids[p[1]]), default=None)
        if best is None or pairs[best] < min_frequency:
            break
        ids["".join(best)] = len(ids)
        merged = collections.Counter()
        for word, n in words.items():
            merged[tuple(join(word, best, "".join(best)))] += n
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
