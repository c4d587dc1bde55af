"""What a generator is asked for, and what it answers."""

from __future__ import annotations

import dataclasses
import numbers
import sys
from collections.abc import Sequence

import numpy as np

from gptengine.config import check_seed
from gptengine.draw import Row
from gptengine.kv_blocks import WIDTH, Path
from gptengine.model import int_vector
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
    finish: str  # "stop": a stop token or string came; "length": max_new_tokens are written;
    # "context": the context (or all of the cache) is full; "cancelled"
    text: str | None = None  # with a tokenizer: decoded, and cut before a stop string


@dataclasses.dataclass(frozen=True)
class Event:
    """One token of a sample, or its end, or both."""

    request: Request
    sample: int  # from 0 to n - 1
    token: int | None = None  # None for a stop token, which is not part of the completion
    logprob: float | None = None
    text: str = ""  # what became certain by it; needs a tokenizer
    finish: str | None = None  # as in Completion, with the last event of the sample


class Request:
    """A prompt and how to go on with it; `Generator.submit` makes it and describes the options."""

    def __init__(
        self,
        prompt,
        max_new_tokens: int | None,
        sampler: Sampler,
        stop_ids: Sequence[int],
        stop: Sequence[str],
        seed: int,
        first_sample: int,
        n: int,
        priority: int,
    ):
        check_seed("generate", seed)
        _whole("n", n, 1)
        _whole("first_sample", first_sample, 0)
        _whole("priority", priority, None)
        if max_new_tokens is not None:
            _whole("max_new_tokens", max_new_tokens, 1)
        if not np.size(prompt):
            raise ValueError("generate: every prompt needs at least one token")
        self.prompt = int_vector(prompt)
        self.stop = (stop,) if isinstance(stop, str) else tuple(stop)
        if "" in self.stop:
            raise ValueError("generate: a stop string must not be empty")
        self.stop_ids = frozenset(int(token) for token in stop_ids)
        self.sampler, self.seed, self.priority = sampler, seed, priority
        self.max_new_tokens = max_new_tokens
        self.most = max_new_tokens  # the generator says how many, where the request does not
        self.read = False  # whether the prompt is in the cache, for its samples to share
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


class Sample:
    """One continuation of a request while it is being written."""

    def __init__(self, request: Request, index: int, number: int):
        self.request, self.index = request, index
        self.row = Row(request.sampler, request.prompt, sample=number, seed=request.seed)
        self.ids = bytearray(request.prompt.tobytes())  # int32, the prompt first; see kv_blocks
        self.logprobs: list[float] = []
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

    def add(self, token: int, logprob: float) -> Event:
        """Write one more token, and see whether it was the last."""
        request, text, finish = self.request, "", None
        if token in request.stop_ids:
            token = logprob = None
            finish = "stop"
        else:
            self.ids += token.to_bytes(WIDTH, sys.byteorder)
            self.logprobs.append(logprob)
            if self.stream:
                text = self.stream.push(token)
                self.pieces.append(text)
            if self.stream and self.stream.stopped:
                finish = "stop"
            elif not self.left:
                finish = "context" if request.max_new_tokens is None else "length"
        if finish:
            text += self.end(finish)
        return Event(request, self.index, token, logprob, text, finish)

    def end(self, finish: str) -> str:
        """Let it end here; returns the text that was held back."""
        self.finish = finish
        self.pieces.append(self.stream.flush() if self.stream else "")
        return self.pieces[-1]

    def completion(self) -> Completion:
        written = np.frombuffer(bytes(self.ids), np.int32)[len(self.request.prompt) :]
        return Completion(
            written.astype(np.uint32),
            np.array(self.logprobs, np.float32),
            self.finish,
            "".join(self.pieces) if self.stream else None,
        )


def _whole(name: str, value, least: int | None) -> None:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise ValueError(f"generate: {name} {value!r} must be a whole number")
    if least is not None and value < least:
        raise ValueError(f"generate: {name} {value} must be at least {least}")
