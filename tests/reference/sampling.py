"""The sampler in NumPy, float64: full sorts, written from cpp/decode/sampler.h and adjust.h."""

import numpy as np


def adjusted(z, *, history=(), prompt=0, bias=(), repetition=1.0, presence=0.0, frequency=0.0):
    """The logits after bias and penalties; the first `prompt` ids of the history are the prompt."""
    z = z.astype(float).copy()
    for token, value in dict(bias).items():
        z[token] += value
    for token in set(history):
        z[token] = z[token] / repetition if z[token] > 0 else z[token] * repetition
    written = list(history)[prompt:]
    for token in set(written):
        z[token] -= presence + frequency * written.count(token)
    return z


def kept_probabilities(z, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, typical=1.0):
    """What each token is drawn with."""
    z = z.astype(float)
    p = np.exp((z - z.max()) / temperature)
    order = np.lexsort((np.arange(len(z)), -p))
    order = order[p[order] > 0][: top_k or None]
    total = np.cumsum(p[order])
    order = order[: np.searchsorted(total, np.float32(top_p) * total[-1]) + 1]
    order = order[p[order] >= np.float32(min_p) * p.max()]
    if typical < 1:
        q = p[order] / p[order].sum()
        entropy = -(q * np.log(q)).sum()
        far = np.abs(-np.log(q) - entropy).astype(np.float32)
        by_type = np.lexsort((order, far))
        total = np.cumsum(q[by_type])
        order = order[by_type[: np.searchsorted(total, np.float32(typical)) + 1]]
    kept = np.zeros_like(p)
    kept[order] = p[order]
    return kept / kept.sum()


def chi_square_score(seen, p):
    """How many standard deviations the counts lie from p, by Wilson and Hilferty (1931).

    The cube root is nearly normal; 4.5 is one in 300,000. Tokens with fewer than 5 expected counts
    make one cell.
    """
    count = seen.sum()
    often = p * count >= 5
    cells = np.append(p[often], p[~often].sum()) * count
    got = np.append(seen[often], seen[~often].sum())
    got, cells = got[cells > 0], cells[cells > 0]
    df = len(cells) - 1
    if df == 0:
        return 0.0
    chi2 = ((got - cells) ** 2 / cells).sum()
    return ((chi2 / df) ** (1 / 3) - 1 + 2 / (9 * df)) / np.sqrt(2 / (9 * df))
