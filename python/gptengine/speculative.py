"""Speculative decoding: a draft guesses tokens, and the model judges them in one pass.

One pass over a few tokens costs little more than one over a single token, whose time is that of
reading the weights. What is written stays what the model would write:

- "ngram" guesses what followed the last tokens when they came before (Saxena 2023). The model draws
  each token as always; a guess only says which tokens to compute beforehand. The text is the one
  that is written without it, to the last bit.
- A smaller model guesses by drawing from its own distribution q. A guess x is accepted with
  probability min(1, p(x) / q(x)); else the token is drawn from max(0, p - q), scaled to 1. Then
  it is distributed as p (Leviathan et al. 2023; Chen et al. 2023). p and q are distributions after
  all steps of the sampler and the constraint, given the text before and the guesses. Here every
  token is made like this, also the one after an accepted guess that the authors draw from p: so it
  is a function of the text before it, and how many tokens happen to be guessed at once changes no
  text. Greedily it is the text that the model writes alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from gptengine import _core
from gptengine.draw import Drawn, Row, chosen, draw, possible, probabilities
from gptengine.kv_blocks import WIDTH, new_cache, tables
from gptengine.requests import Sample

LONGEST_MATCH = 3  # tokens that an n-gram looks for at most
SAMPLING, SPECULATION = 2 << 56, 3 << 56  # uses of random numbers, as in core/random.h


@dataclasses.dataclass(slots=True)
class Part:
    """What a pass reads of one sample: tokens of its text, and guesses about how it goes on."""

    sample: Sample
    start: int  # position of the first token read
    count: int  # tokens of the text that are read
    most: int = 0  # guesses that there is room for
    guesses: Sequence[int] = ()  # that are read after the text
    fork: Row | None = None  # the sample's row, as it goes on by what a model drew
    drawn: Sequence[tuple[int, np.ndarray]] = ()  # by it: these guesses and one more, each with
    # the q that it was drawn from
    row: int = -1  # where its logits begin, if it draws: after its text, and after each guess
    agreed: int = 0  # guesses that the text went on with

    @property
    def draws(self) -> bool:
        return self.start + self.count == self.sample.length

    def raised(self, error: BaseException) -> bool:
        """Whether the function of its sampler, or of what goes on from it, raised the error."""
        rows = [self.sample.row] if self.fork is None else [self.sample.row, self.fork]
        return isinstance(error, Exception) and any(row.error is error for row in rows)

    @property
    def tokens(self) -> bytes:
        text = self.sample.ids[self.start * WIDTH : (self.start + self.count) * WIDTH]
        return text + np.array(self.guesses, np.int32).tobytes() if self.guesses else text


class NoDraft:
    """Guesses nothing. Each draft has these three functions."""

    tokens = 0  # guesses that are read in a pass, of a sample

    def guess(self, parts: list[Part]) -> None:
        """Set the guesses of the parts that draw."""

    def draw(self, logits: np.ndarray, parts: list[Part], number: int, top: int) -> Drawn:
        """The tokens after the parts' text and their first `number` guesses; (B, V) logits.

        top: how many of the model's most likely tokens to tell.
        """
        return draw(logits, [part.sample.row for part in parts], top)

    def copy(self, source: int, target: int) -> None:
        """Do as the cache does, which copies a block."""


class NgramDraft(NoDraft):
    """Guesses what followed the text's last tokens when they came before."""

    def __init__(self, tokens: int):
        self.tokens = tokens

    def guess(self, parts):
        for part in parts:
            part.guesses = follow(part.sample.ids, part.most)


def follow(text: bytes, most: int) -> list[int]:
    """At most so many tokens that came after the last place where the text's end came before."""
    for length in range(min(LONGEST_MATCH, len(text) // WIDTH - 1), 0, -1):
        end, at = text[-length * WIDTH :], len(text) - length * WIDTH
        while (at := text.rfind(end, 0, at + len(end) - 1)) >= 0:
            if at % WIDTH == 0:  # else it lies across tokens
                next_ = at + len(end)
                return np.frombuffer(bytes(text[next_ : next_ + most * WIDTH]), np.int32).tolist()
    return []


class ModelDraft(NoDraft):
    """Guesses with a smaller model, whose cache has the same blocks as the model's."""

    def __init__(self, draft, model, tokens: int, blocks: int, vocab_size: int, kv_dtype):
        for name in "vocab_size", "context_length":
            its, least = getattr(draft.config, name), getattr(model.config, name)
            if its < least or (name == "vocab_size" and its != least):
                more = " or more" if name != "vocab_size" else ""
                raise ValueError(
                    f"generate: the draft's {name} {its} must be the model's {least}{more}"
                )
        # A token after the last guess is made of a guess too, so one less is read than is made.
        self.tokens = tokens - 1
        self.model, self._vocab_size = draft, vocab_size
        self._cache = new_cache(draft, kv_dtype, blocks)
        self.copy = self._cache.copy

    def guess(self, parts):
        """Reads what the model is about to read, then its own guesses one by one."""
        going, texts, starts = parts, [part.tokens for part in parts], [p.start for p in parts]
        for part in parts:
            part.fork, part.drawn = part.sample.row.copy() if part.draws else None, []
        while going:
            logits = self._read(going, texts, starts)
            drawing = [part for part in going if part.draws]
            for part, q in zip(drawing, possible(logits, [p.fork for p in drawing]), strict=True):
                fork = part.fork
                if q is None:  # a way that the text itself may not go
                    part.most = -1
                    continue
                u = uniforms(fork.seed, SAMPLING | fork.sample, fork.position)[0]
                part.drawn.append((pick(q, u), q))
                fork.add(part.drawn[-1][0])
            going = [p for p in drawing if len(p.drawn) <= p.most and not p.fork.is_done]
            texts = [np.int32(part.drawn[-1][0]).tobytes() for part in going]
            starts = [part.sample.length + len(part.drawn) - 1 for part in going]
        for part in parts:
            part.guesses = [token for token, _ in part.drawn[:-1]]

    def draw(self, logits, parts, number, top):
        rows, ids = [part.sample.row for part in parts], np.empty(len(parts), np.int32)
        for b, (row, p) in enumerate(zip(rows, probabilities(logits, rows), strict=True)):
            u, v = uniforms(row.seed, SPECULATION | row.sample, row.position)
            guessed = parts[b].drawn[number : number + 1]  # none where the draft had no token
            ids[b] = judge(p, guessed[0][1], guessed[0][0], u, v) if guessed else pick(p, v)
        drawn = chosen(logits, ids, top)
        for row, token in zip(rows, ids.tolist(), strict=True):
            row.add(token)
        return drawn

    def _read(self, parts, texts, starts):
        """Logits after those of the parts that draw."""
        segments = np.cumsum([0, *(len(text) // WIDTH for text in texts)], dtype=np.int32)
        rows = [end - 1 for part, end in zip(parts, segments[1:], strict=True) if part.draws]
        logits = np.empty((len(rows), self.model.config.vocab_size), np.float32)
        self.model.engine.decode(
            logits,
            self._cache,
            np.frombuffer(b"".join(texts), np.int32),
            segments,
            tables([part.sample.path for part in parts]),
            np.array(starts, np.int32),
            np.array(rows, np.int32),
        )
        return np.ascontiguousarray(logits[:, : self._vocab_size])


def judge(p: np.ndarray, q: np.ndarray, x: int, u: float, v: float) -> int:
    """A token distributed as p, given x that was drawn from q; u, v uniform in [0, 1)."""
    if u * q[x] < p[x]:
        return x
    rest = np.maximum(p - q, 0)
    return pick(rest, v) if rest.any() else x  # p and q are the same but for rounding


def pick(p: np.ndarray, u: float) -> int:
    """The token at which the running sum of p exceeds its share u of the whole."""
    total = np.cumsum(p)
    at = int(np.searchsorted(total, u * total[-1], side="right"))
    return min(at, int(np.flatnonzero(p)[-1]))  # where rounding left the end unreached


def uniforms(seed: int, stream: int, position: int) -> tuple[float, float]:
    """Two numbers in [0, 1), of 53 bits."""
    a, b, c, d = _core.philox(seed, stream, position)
    return ((a >> 5) * 2**26 + (b >> 6)) * 2**-53, ((c >> 5) * 2**26 + (d >> 6)) * 2**-53


def draft_of(draft, model, tokens: int, blocks: int, vocab_size: int, kv_dtype=None) -> NoDraft:
    """The draft that a Generator was given: None, "ngram" or a Model."""
    if draft is None:
        return NoDraft()
    if isinstance(tokens, bool) or not isinstance(tokens, int) or not 1 <= tokens <= 32:
        raise ValueError(f"generate: draft_tokens {tokens!r} must be from 1 to 32")
    if draft == "ngram":
        return NgramDraft(tokens)
    if isinstance(draft, str):
        raise ValueError(f"generate: draft {draft!r} must be 'ngram' or a Model")
    return ModelDraft(draft, model, tokens, blocks, vocab_size, kv_dtype)
