"""Where the two readings of a vocabulary differ: by its merges, and by the ids of its tokens.

The first joins in the order of the list, the second any two tokens that make a token, the one with
the smallest id first. Of a vocabulary as trainers make it they are the same.
"""

import heapq

import numpy as np

from gptengine import _core
from gptengine.tokenizer import spaces


def differences(vocabulary):
    """The ids of the tokens that the two readings make differently; none where they agree.

    A token is made alike if its first merge in the list is the one that joining by ids ends with,
    and if the merges of the tokens come in the order of the ids.
    """
    if vocabulary.mode == "bpe" or vocabulary.split == "words":
        return []
    tokens, ranks = vocabulary.tokens, vocabulary.ranks()
    if spaces.is_split(vocabulary.split):
        return _of_characters(vocabulary)
    specials = list(vocabulary.special_tokens.values())
    core = _core.Bpe(tokens, np.empty((0, 2), np.uint32), specials, vocabulary.split)
    first, bad, last = {}, set(), -1
    for left, right in vocabulary.merges.tolist():
        i = ranks[tokens[left] + tokens[right]]
        if i not in first:
            first[i] = [left, right]
            if i < last:
                bad.add(i)
            last = max(last, i)
    for token, i in ranks.items():
        if len(token) > 1 and first.get(i) != _last_merge(token, vocabulary, ranks, core):
            bad.add(i)
    if vocabulary.ignore_merges:  # a token that neither makes is whole in both
        bad -= {
            i for i in bad if i not in first and not _last_merge(tokens[i], vocabulary, ranks, core)
        }
    return sorted(bad)


def unreachable(vocabulary):
    """The ids of tokens that may be a piece of text, but that the listed merges do not make of it.

    Only such tokens show whether a piece that is a token is merged.
    """
    ranks = vocabulary.ranks()
    merges = vocabulary.listed_merges()
    core = _core.Bpe(vocabulary.tokens, merges, [], vocabulary.split)
    # As text, in order of their merges, as bytes that may be anything.
    _, ends = core.encode_batch([*ranks], (True, [], "merges", 0.0, 0, False))
    several = np.flatnonzero(np.diff(ends) > 1)
    known = [*ranks.items()]
    return [i for t, i in (known[k] for k in several) if len(_core.split(t, vocabulary.split)) == 1]


def firing(vocabulary, by_ids):
    """The one pair of ids that can ever make each token of characters, by the token's id.

    by_ids: whether tokens are joined by their ids, or else by the listed merges. Whatever stands
    around two tokens, what is inside them was joined as in their text alone, for nothing has
    crossed its borders yet; and that comes to two parts once.
    """
    ranks = vocabulary.ranks()
    listed = {tuple(pair): rank for rank, pair in enumerate(vocabulary.merges.tolist())}

    def rank(token, start, middle, end):
        if by_ids:
            return ranks.get(token[start:end])
        pair = ranks.get(token[start:middle]), ranks.get(token[middle:end])
        return listed.get(pair)

    pairs = {}
    for token, i in sorted(ranks.items(), key=lambda item: item[1]):
        size, symbols = len(token), _character_ends(token)
        if len(symbols) == 1:
            continue

        def inside(start, middle, end, token=token, size=size):
            return rank(token, start, middle, end) if end - start < size else None

        ends = _joined(symbols, inside)
        if len(ends) == 2 and rank(token, 0, *ends) is not None:
            left, right = token[: ends[0]], token[ends[0] :]
            if left in ranks and right in ranks:
                pairs[i] = (ranks[left], ranks[right])
    return pairs


def _of_characters(vocabulary):
    """differences() of a vocabulary whose tokens are made of characters."""
    listed = {tuple(pair): rank for rank, pair in enumerate(vocabulary.merges.tolist())}
    by_ids, by_list = firing(vocabulary, True), firing(vocabulary, False)
    bad = {i for i in {**by_ids, **by_list} if by_ids.get(i) != by_list.get(i)}
    last = -1
    for i, pair in by_list.items():
        if listed[pair] < last:
            bad.add(i)
        last = max(last, listed[pair])
    return sorted(bad)


def _character_ends(token):
    """Where the characters of a token end."""
    return [k for k in range(1, len(token) + 1) if k == len(token) or token[k] & 0xC0 != 0x80]


def _last_merge(token, vocabulary, ranks, core):
    """The two tokens that joining by ids makes a token of at the end; None if it does not.

    Where a later token is made on the way, joining does not arrive at this one in its turn.
    """
    ids, steps = core.joins(token, "bpe")
    steps = steps.reshape(-1, 3).tolist()
    if len(steps) < len(ids) - 1 or max(rank for _, rank, _ in steps) > ranks[token]:
        return None
    left = [int(ids[0]), *(made for at, _, made in steps[:-1] if at == 0)][-1]
    return [left, ranks[token[len(vocabulary.tokens[left]) :]]]


def _joined(symbols, rank):
    """Where the parts end that joining makes of symbols, which end there.

    rank(start, middle, end): that of the join of two parts, or None if they are not joined.
    """
    starts = [0, *symbols[:-1]]
    ends = dict(zip(starts, symbols, strict=True))  # of the part that begins here
    before = dict(zip(starts[1:], starts, strict=False))  # where the part before begins
    heap, last = [], symbols[-1]

    def push(start):
        middle = ends[start]
        if middle < last:
            own = rank(start, middle, ends[middle])
            if own is not None:
                heapq.heappush(heap, (own, start, middle, ends[middle]))

    for start in starts:
        push(start)
    while heap:
        _, start, middle, end = heapq.heappop(heap)
        if ends.get(start) != middle or ends.get(middle) != end:
            continue
        del ends[middle]
        ends[start] = end
        if end < last:
            before[end] = start
        push(start)
        if start > 0:
            push(before[start])
    return sorted(ends.values())
