"""What a generator is asked for, and what it answers."""

from __future__ import annotations

import dataclasses
import numbers
import sys
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gptengine.batch import int_vector
from gptengine.config import Config, check_seed
from gptengine.draw import Row
from gptengine.kv_blocks import WIDTH, Path
from gptengine.sampler import Sampler
from gptengine.text_stream import TextStream


class QueueFull(RuntimeError):
    """A generator's queue has no place for a request: try again later."""


@dataclasses.dataclass(frozen=True)
class Completion:
    """What a model wrote after one prompt."""

    # (T,) uint32, without the prompt and without the stop token, but with a stop string's tokens
    tokens: np.ndarray
    logprobs: np.ndarray  # (T,) float32: log p of each token under the model, before any sampler
    finish: str  # "stop": a stop token or string came, or the constraint is complete; "length":
    # max_new_tokens are written; "context": the context (or all of the cache) is full; "cancelled";
    # "error": what was asked for cannot go on, see Request.error
    top_ids: np.ndarray  # (T, n) uint32: the model's n most likely tokens at each place
    top_logprobs: np.ndarray  # (T, n) float32
    text: str | None = None  # with a tokenizer: decoded, and cut before a stop string


class Event(NamedTuple):
    """One token that a sample drew."""

    request: Request
    sample: int  # from 0 to n - 1
    token: int | None  # None for a stop token, which is not part of the completion
    logprob: float  # of the token drawn, under the model
    text: str = ""  # what became certain by it; needs a tokenizer
    finish: str | None = None  # as in Completion, with the last event of the sample
    top_ids: np.ndarray | None = None  # (n,) int32, where top_logprobs were asked for
    top_logprobs: np.ndarray | None = None  # (n,) float32
    stop_id: int | None = None  # the stop token, where it came


class Request:
    """A prompt and how to go on with it; `Generator.submit` makes it and describes the options."""

    def __init__(
        self,
        prompt,
        max_new_tokens: int | None,
        *,
        sampler: Sampler,
        constraint,
        stop_ids: Sequence[int],
        stop: Sequence[str],
        top_logprobs: int,
        seed: int,
        first_sample: int,
        n: int,
        priority: int,
    ):
        check_seed("generate", seed)
        _whole("n", n, 1)
        _whole("first_sample", first_sample, 0)
        _whole("priority", priority, None)
        _whole("top_logprobs", top_logprobs, 0)
        if max_new_tokens is not None:
            _whole("max_new_tokens", max_new_tokens, 1)
        if not np.size(prompt):
            raise ValueError("generate: every prompt needs at least one token")
        self.prompt = int_vector(prompt)
        self.stop = (stop,) if isinstance(stop, str) else tuple(stop)
        if "" in self.stop:
            raise ValueError("generate: a stop string must not be empty")
        self.stop_ids = frozenset(int(token) for token in stop_ids)
        if constraint is not None:
            if not hasattr(constraint, "matcher"):
                raise ValueError(
                    f"generate: constraint {constraint} is not compiled: .compile(tokenizer)"
                )
            self.stop_ids |= {constraint.eos_id}
        self.sampler, self.constraint, self.seed = sampler, constraint, seed
        self.top_logprobs, self.priority = top_logprobs, priority
        self.max_new_tokens = max_new_tokens
        self.most = max_new_tokens  # `fit` says how many, where the request does not
        self.read = False  # whether the prompt is in the cache, for its samples to share
        self.error: BaseException | None = None  # what ended it, where a sample's finish is "error"
        self.samples = [Sample(self, i, first_sample + i) for i in range(n)]

    @property
    def done(self) -> bool:
        return all(sample.finish for sample in self.samples)

    @property
    def completions(self) -> list[Completion]:
        """One for each of the n samples; all must be done."""
        if not self.done:
            left = sum(not sample.finish for sample in self.samples)
            raise ValueError(f"generate: {left} of {len(self.samples)} samples are not done")
        return [sample.completion() for sample in self.samples]

    def fit(self, config: Config, cache_tokens: int, vocab_size: int) -> None:
        """Refuse what a model and a cache cannot do, before anything is drawn.

        vocab_size: how many ids are drawn. Without max_new_tokens it gets what there is room for.
        """
        length, context = len(self.prompt), config.context_length
        room = min(context, cache_tokens)
        if length > context:
            raise ValueError(
                f"generate: a prompt of {length} tokens is longer than the model's context of "
                f"{context}"
            )
        if length > room:
            raise ValueError(f"generate: a prompt of {length} tokens exceeds a cache of {room}")
        most = room + 1 - length  # the last token drawn is not read
        if self.max_new_tokens is None:
            self.most = most
        elif self.max_new_tokens > most:
            raise ValueError(
                f"generate: a prompt of {length} and max_new_tokens {self.max_new_tokens} exceed "
                f"the {room} tokens of the {'context' if room == context else 'cache'} and one more"
            )
        low, high = int(self.prompt.min()), int(self.prompt.max())
        if low < 0 or high >= config.vocab_size:
            raise ValueError(
                f"generate: token {low if low < 0 else high} of the prompt must be from 0 to "
                f"{config.vocab_size - 1}"
            )
        if self.top_logprobs > vocab_size:
            raise ValueError(
                f"generate: top_logprobs {self.top_logprobs} must be from 0 to the vocabulary's "
                f"{vocab_size}"
            )
        if self.constraint is not None and self.constraint.vocab_size > vocab_size:
            raise ValueError(
                f"generate: the constraint is of a tokenizer of {self.constraint.vocab_size} "
                f"tokens, the logits are of {vocab_size}"
            )
        self.sampler.check_ids(vocab_size)


class Sample:
    """One continuation of a request while it is being written."""

    def __init__(self, request: Request, index: int, number: int):
        self.request, self.index = request, index
        self.row = Row(
            request.sampler,
            request.prompt,
            sample=number,
            seed=request.seed,
            constraint=request.constraint,
        )
        self.ids = bytearray(request.prompt.tobytes())  # int32, the prompt first; see kv_blocks
        self.logprobs: list[float] = []
        self.tops: list[tuple[np.ndarray, np.ndarray]] = []  # ids, logprobs; where asked for
        self.finish: str | None = None
        self.path: Path | None = None  # its blocks, while it is running
        self.caught_up = False  # whether only the token drawn last is still to be read
        self.stream: TextStream | None = None
        self.pieces: list[str] = []
        self.order: tuple[int, int, int] = ()  # the smallest goes first

    @property
    def length(self) -> int:
        """Tokens of the prompt and the continuation."""
        return len(self.ids) // WIDTH

    @property
    def left(self) -> int:
        """Tokens that it may still write."""
        return self.request.most - len(self.logprobs)

    def add(self, token: int, logprob: float, tops: tuple = ()) -> Event:
        """Write one more token, which its row drew, and see whether it was the last.

        tops: the model's most likely ids and their log-probabilities, where they are known.
        """
        request, text, finish, stop_id = self.request, "", None, None
        tops = tuple(top[: request.top_logprobs] for top in tops) if request.top_logprobs else ()
        if token in request.stop_ids:
            token, stop_id, finish = None, token, "stop"
        else:
            self.ids += token.to_bytes(WIDTH, sys.byteorder)
            self.logprobs.append(logprob)
            if tops:
                self.tops.append(tops)
            if self.stream:
                text = self.stream.push(token)
                self.pieces.append(text)
            if self.row.is_done or (self.stream and self.stream.stopped):
                finish = "stop"
            elif not self.left:
                finish = "context" if request.max_new_tokens is None else "length"
        if finish:
            text += self.end(finish)
        tops = tops or (None, None)
        return Event(request, self.index, token, logprob, text, finish, *tops, stop_id)

    def end(self, finish: str) -> str:
        """Let it end here; returns the text that was held back."""
        self.finish = finish
        self.pieces.append(self.stream.flush() if self.stream else "")
        return self.pieces[-1]

    def completion(self) -> Completion:
        written = np.frombuffer(bytes(self.ids), np.int32)[len(self.request.prompt) :]
        shape = len(written), self.request.top_logprobs
        return Completion(
            written.astype(np.uint32),
            np.array(self.logprobs, np.float32),
            self.finish,
            np.array([ids for ids, _ in self.tops], np.uint32).reshape(shape),
            np.array([logprobs for _, logprobs in self.tops], np.float32).reshape(shape),
            "".join(self.pieces) if self.stream else None,
        )


def _whole(name: str, value, least: int | None) -> None:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise ValueError(f"generate: {name} {value!r} must be a whole number")
    if least is not None and value < least:
        raise ValueError(f"generate: {name} {value} must be at least {least}")
