"""Where the two readings of a vocabulary differ: by its merges, and by the ids of its tokens.

The first joins in the order of the list, the second any two tokens that make a token, the one with
the smallest id first. Of a vocabulary as trainers make it they are the same.
"""

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
