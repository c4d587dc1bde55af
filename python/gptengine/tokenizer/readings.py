"""Where the two readings of a vocabulary differ: by its merges, and by the ids of its tokens.

The first joins in the order of the list, the second any two tokens that make a token, the one with
the smallest id first. Of a vocabulary as trainers make it they are the same.
"""

import heapq

import numpy as np

from gptengine import _core


def differences(vocabulary):
    """The ids of the tokens that the two readings make differently; none where they agree.

    A token is made alike if its first merge in the list is the one that joining by ids ends with,
    and if the merges of the tokens come in the order of the ids.
    """
    if vocabulary.mode == "bpe" or vocabulary.split == "words":
        return []
    tokens, ranks = vocabulary.tokens, vocabulary.ranks()
    first, bad, last = {}, set(), -1
    for left, right in vocabulary.merges.tolist():
        i = ranks[tokens[left] + tokens[right]]
        if i not in first:
            first[i] = [left, right]
            if i < last:
                bad.add(i)
            last = max(last, i)
    for token, i in ranks.items():
        if len(token) > 1 and first.get(i) != _last_merge(token, i, ranks):
            bad.add(i)
    if vocabulary.ignore_merges:  # a token that neither makes is whole in both
        bad -= {i for i in bad if i not in first and not _last_merge(tokens[i], i, ranks)}
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


def _last_merge(token, i, ranks):
    """The two tokens that joining by ids makes the token `i` of at the end; None if it does not."""
    ends = list(range(1, len(token) + 1))  # of the part that begins here
    before = list(range(-1, len(token)))  # where the part before begins
    alive = [True] * len(token)
    heap = []

    def push(start):
        middle = ends[start]
        if middle < len(token):
            rank = ranks.get(token[start : ends[middle]])
            if rank is not None and rank < i:
                heapq.heappush(heap, (rank, start, middle, ends[middle]))

    parts = len(token)
    for start in range(len(token) - 1):
        push(start)
    while heap:
        _, start, middle, end = heapq.heappop(heap)
        if not alive[start] or ends[start] != middle or ends[middle] != end:
            continue
        alive[middle] = False
        ends[start] = end
        if end < len(token):
            before[end] = start
        parts -= 1
        push(start)
        if start > 0:
            push(before[start])
    if parts != 2:
        return None
    return [ranks[token[: ends[0]]], ranks[token[ends[0] :]]]
