"""What a model expects along a text: each token's probability, its rank, and the likeliest."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from gptengine.batch import int_vector
from gptengine.model import Model

MOST_LOGITS = 1 << 24  # in memory at once


@dataclasses.dataclass(frozen=True)
class TokenProbabilities:
    """Row t is about token t + 1 of a text of T tokens; of the first there is nothing to say.

    logprob: (T-1,) float32, natural logarithms   rank: (T-1,) int64, 1 for the likeliest
    top_ids, top_logprobs: (T-1, k) the likeliest tokens, best first
    """

    logprob: np.ndarray
    rank: np.ndarray
    top_ids: np.ndarray
    top_logprobs: np.ndarray

    @property
    def nats_per_token(self) -> float:
        return -float(self.logprob.mean(dtype=np.float64))

    def bits_per_byte(self, scored_bytes: int) -> float:
        """For a text whose tokens after the first stand for so many bytes; infinite for none."""
        bits = -float(self.logprob.sum(dtype=np.float64)) / math.log(2)
        return bits / scored_bytes if scored_bytes else math.inf


def token_probabilities(model: Model, tokens, top: int = 10) -> TokenProbabilities:
    """The probability of each token of a text after those before it; tokens: (T,) ids, T above 1.

    Needs a causal language model. With a large vocabulary the text is read several times, so that
    the memory of the logits stays bounded; each row has the same bits as in one pass.
    """
    c = model.config
    if c.head != "lm" or not c.causal:
        raise ValueError(
            f"token_probabilities: a model with head {c.head} and causal {c.causal} predicts no "
            f"next token; head lm and causal True do"
        )
    tokens = int_vector(tokens)
    if len(tokens) < 2:
        raise ValueError(f"token_probabilities: {len(tokens)} tokens must be at least 2")
    top = min(top, c.vocab_size)
    n, segments = len(tokens) - 1, np.array([0, len(tokens)], np.int32)
    found = TokenProbabilities(
        logprob=np.empty(n, np.float32),
        rank=np.empty(n, np.int64),
        top_ids=np.empty((n, top), np.int64),
        top_logprobs=np.empty((n, top), np.float32),
    )
    step = max(1, MOST_LOGITS // c.vocab_size)
    for begin in range(0, n, step):
        rows = np.arange(begin, min(begin + step, n), dtype=np.int32)
        logits = np.empty((len(rows), c.vocab_size), np.float32)
        model.engine.logits(logits, tokens, segments, rows)
        for t, z in zip(rows, logits, strict=True):
            its = z[tokens[t + 1]]
            best = z.max()
            lse = best + math.log(np.exp(z - best).sum(dtype=np.float64))
            likeliest = np.argpartition(-z, top - 1)[:top] if top else np.empty(0, np.int64)
            found.top_ids[t] = likeliest[np.lexsort((likeliest, -z[likeliest]))]
            found.top_logprobs[t] = z[found.top_ids[t]] - lse
            found.logprob[t] = its - lse
            found.rank[t] = 1 + np.count_nonzero(z > its)
    return found
