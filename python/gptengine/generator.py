"""Generator: many texts written at once, each as if it were alone.

    generator = Generator(model, tok, slots=16)
    requests = [generator.submit(prompt_ids(tok, text), max_new_tokens=100) for text in texts]
    for event in generator.run():
        print(event.sample, event.text)

A step is one pass of the engine over the newest token of every running text and a piece of the
prompts that are still to be read. A text that ends makes place for the next one at the next step
(Yu et al. 2022), by priority and then by arrival. Neither the others nor the order, nor what is
shared, evicted or read again, changes what a text says: its draws are keyed by (seed, sample,
position), and the engine computes each row alone.

Blocks are given out as texts grow, not for the longest that they may become: that is seldom
reached. When there are none, the last of the running texts gives its blocks up, waits, and is read
again later. The first can always go on, as no request is accepted that needs more blocks than there
are: so nothing ever waits for ever.

One thread calls step() or run(); any other may submit and cancel meanwhile.
"""

from __future__ import annotations

import bisect
import dataclasses
import threading
from collections.abc import Iterator, Sequence
from itertools import accumulate, repeat

import numpy as np

from gptengine.draw import possible
from gptengine.kv_blocks import (
    BLOCK,
    WIDTH,
    Blocks,
    block_bytes,
    block_count,
    new_cache,
    tables,
)
from gptengine.model import Model
from gptengine.requests import Event, QueueFull, Request, Sample
from gptengine.sampler import Sampler
from gptengine.speculative import Part, draft_of
from gptengine.text_stream import TextStream

IN_ORDER = {"key": lambda sample: sample.order}  # how the lists of samples are sorted


@dataclasses.dataclass
class Stats:
    """What a generator has done so far."""

    steps: int = 0
    prefilled: int = 0  # tokens that were read before their text could go on
    reused: int = 0  # tokens that did not have to be, as their keys and values were there
    written: int = 0
    preempted: int = 0  # texts that had to give their blocks up and were read again
    guessed: int = 0  # tokens that a draft guessed and the model read
    accepted: int = 0  # of these, those that texts went on with


class Generator:
    """Writes texts with a model; see the top of generator.py.

    tokenizer: for text and stop strings; then only its ids are drawn of a padded vocabulary.
    slots: texts that run at once. kv_tokens: positions that the cache holds, by default a full
    context for each slot; or memory: bytes that it may take. kv_dtype: what the cache keeps keys
    and values in, the model's dtype unless told, or float32, bfloat16 or q8: 8 bits a number and a
    scale for each 32. A smaller one rounds: then a text's log-probabilities are no longer those of
    the full pass, but those of `model.logprob(…, kv_dtype=…)`, and still the same whatever is
    written beside it. prefill_tokens: how many tokens of prompts a step reads at most, so that
    running texts do not wait for a long one. queue: samples that may wait. draft: a smaller Model
    of the same vocabulary, or "ngram"; it guesses tokens, up to draft_tokens of which come from one
    pass; see speculative.py. All memory is allocated here, the cache and the weights laid out for
    decoding too; MemoryError says how much is wanted.
    """

    def __init__(
        self,
        model: Model,
        tokenizer=None,
        *,
        slots: int = 8,
        kv_tokens: int | None = None,
        memory: int | None = None,
        kv_dtype: str | None = None,
        prefill_tokens: int = 256,
        queue: int = 1024,
        draft: Model | str | None = None,
        draft_tokens: int = 4,
    ):
        c = model.config
        if c.head != "lm" or not c.causal:
            raise ValueError(f"generate: head {c.head}, causal {c.causal} must be lm and True")
        self._vocab_size = c.vocab_size
        if tokenizer is not None:
            self._vocab_size = tokenizer.vocab_size
            if self._vocab_size > c.vocab_size:
                raise ValueError(
                    f"generate: the tokenizer has {self._vocab_size} tokens, the model's "
                    f"vocabulary only {c.vocab_size}"
                )
        for name, value in ("slots", slots), ("prefill_tokens", prefill_tokens), ("queue", queue):
            if value < 1:
                raise ValueError(f"generate: {name} {value} must be at least 1")
        self.model, self.tokenizer = model, tokenizer
        self.slots, self.prefill_tokens, self.queue = slots, prefill_tokens, queue
        self.stats = Stats()
        self._models = (model,) if isinstance(draft, str | None) else (model, draft)
        one = sum(block_bytes(each, kv_dtype) for each in self._models)
        count = block_count(model, slots, kv_tokens, memory, one)
        try:
            self._cache = new_cache(model, kv_dtype, count)
            self._draft = draft_of(draft, model, draft_tokens, count, self._vocab_size, kv_dtype)
            rows = slots * (1 + self._draft.tokens)
            self._logits = np.empty((rows, c.vocab_size), np.float32)
            for reading in self._models:
                reading.reserve(rows + prefill_tokens, training=False)
                reading.engine.prepare_decoding()
        except MemoryError:
            raise MemoryError(
                f"generate: there is no memory for a cache of {count * BLOCK} tokens, "
                f"{count * one:,} bytes, beside what passes need: "
                f"give kv_tokens or memory"
            ) from None
        self._blocks = Blocks(count, self._copy)
        self._versions = [model.version for model in self._models]
        self._turn = threading.Lock()  # for steps
        self._lock = threading.Condition(threading.RLock())  # for everything below
        self._waiting: list[Sample] = []  # both in order
        self._running: list[Sample] = []
        self._busy: list[Sample] = []  # of the pass that is being computed
        self._arrivals = 0

    def submit(
        self,
        prompt,
        max_new_tokens: int | None = None,
        *,
        sampler: Sampler | None = None,
        constraint=None,
        stop_ids: Sequence[int] = (),
        stop: Sequence[str] = (),
        top_logprobs: int = 0,
        seed: int = 0,
        first_sample: int = 0,
        n: int = 1,
        priority: int = 0,
    ) -> Request:
        """Ask for n continuations of a prompt of token ids, which is read once for all of them.

        max_new_tokens: None for as many as the context and the cache have room for. constraint: a
        compiled one, see constraint.py. stop_ids, stop: ids and strings that end a text.
        top_logprobs: how many of the model's most likely tokens to tell at each place. Sample i
        draws by (seed, first_sample + i, position). priority: larger ones first. A request that
        cannot be done is a ValueError; QueueFull when the queue has no place.
        """
        request = Request(
            prompt,
            max_new_tokens,
            sampler=sampler or Sampler(),
            constraint=constraint,
            stop_ids=stop_ids,
            stop=stop,
            top_logprobs=top_logprobs,
            seed=seed,
            first_sample=first_sample,
            n=n,
            priority=priority,
        )
        request.fit(self.model.config, self._blocks.count * BLOCK, self._vocab_size)
        if request.stop and self.tokenizer is None:
            raise ValueError("generate: stop strings need a generator with a tokenizer")
        if self.tokenizer is not None:
            for sample in request.samples:
                sample.stream = TextStream(self.tokenizer, request.stop, request.prompt)
        with self._lock:
            if len(self._waiting) + n > self.queue:
                raise QueueFull(
                    f"generate: {len(self._waiting)} samples wait, {n} more exceed the queue of "
                    f"{self.queue}"
                )
            for sample in request.samples:
                sample.order = (-priority, self._arrivals, sample.index)
                bisect.insort(self._waiting, sample, **IN_ORDER)
            self._arrivals += 1
            self._lock.notify_all()
        return request

    def cancel(self, request: Request) -> None:
        """End a request's samples where they are; nothing happens to those that are done.

        Their blocks are free at once, or if a pass reads them now, as soon as it ends.
        """
        with self._lock:
            self._end(request, "cancelled")

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        with self._lock:
            return not self._waiting and not self._running

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep until there is something to do, or for so many seconds; whether there is."""
        with self._lock:
            return self._lock.wait_for(lambda: not self.idle, timeout)

    def run(self) -> Iterator[Event]:
        """Step until there is nothing to do."""
        while not self.idle:
            yield from self.step()

    def step(self) -> list[Event]:
        """One pass of the engine; what it wrote, in the order of the samples' precedence.

        Where what a request asks for leaves no token, that ValueError, and where the function of
        the logits of its sampler raises, what it raised: that request ends then, its `error` says
        by what, and the next step goes on with the others. Any other error changes nothing, and
        comes again until its cause is gone.
        """
        with self._turn:
            with self._lock:
                self._check_weights()
                parts = self._plan()
                self._busy = [part.sample for part in parts]
            try:
                logits = self._pass(parts) if parts else None
                with self._lock:
                    return self._write(parts, logits)
            except BaseException as error:
                with self._lock:
                    for part in parts:
                        if part.raised(error):
                            self._end(part.sample.request, "error", error)
                raise
            finally:
                with self._lock:
                    busy, self._busy = self._busy, []
                    for sample in busy:
                        if sample.finish:
                            self._leave(sample)

    def _plan(self) -> list[Part]:
        """Which tokens the next pass reads; every one of them gets its place in the cache."""
        for sample in self._running[:]:
            while sample.path and not self._blocks.grow(sample.path, sample.length):
                self._preempt(self._running[-1])
        self._admit()
        parts, left = [], self.prefill_tokens
        for sample in self._running:
            count = sample.length - sample.path.computed
            if not sample.caught_up:
                count = min(count, left)
                left -= count
            if count:
                most = self._room(sample) if self._draft.tokens and sample.caught_up else 0
                parts.append(Part(sample, sample.path.computed, count, most))
        return parts

    def _room(self, sample: Sample) -> int:
        """How many guesses about a text may be read: never at the cost of another one."""
        most = min(self._draft.tokens, sample.left - 1)
        if not self._blocks.grow(sample.path, sample.length + most):
            most = min(most, len(sample.path.nodes) * BLOCK - sample.length)
        return most

    def _admit(self) -> None:
        for sample in self._waiting[:] if len(self._running) < self.slots else ():
            if len(self._running) == self.slots:
                break
            first = sample.request.samples[0]
            if sample is not first and not sample.request.read and not first.finish:
                continue  # until there is something to share
            path = self._blocks.open(sample.ids)
            if path is None:
                break
            self.stats.reused += path.computed
            sample.path = path
            self._waiting.remove(sample)
            bisect.insort(self._running, sample, **IN_ORDER)

    def _preempt(self, sample: Sample) -> None:
        """Take a sample's blocks; it comes first among its equals when there are some again."""
        self._leave(sample)
        bisect.insort(self._waiting, sample, **IN_ORDER)
        self.stats.preempted += 1

    def _leave(self, sample: Sample) -> None:
        self._running.remove(sample)
        self._blocks.close(sample.path)
        sample.path, sample.caught_up = None, False

    def _pass(self, parts: list[Part]) -> np.ndarray:
        """Read the parts; the logits (R, V) after those of them that draw, and their guesses."""
        self._draft.guess(parts)
        texts = [part.tokens for part in parts]
        ends = list(accumulate(len(text) // WIDTH for text in texts))
        rows: list[int] = []
        for part, end in zip(parts, ends, strict=True):
            if part.draws:
                part.row = len(rows)
                rows += range(end - 1 - len(part.guesses), end)
        logits = self._logits[: len(rows)]
        self.model.engine.decode(
            logits,
            self._cache,
            np.frombuffer(b"".join(texts), np.int32),
            np.array([0, *ends], np.int32),
            tables([part.sample.path for part in parts]),
            np.array([part.start for part in parts], np.int32),
            np.array(rows, np.int32),
        )
        return np.ascontiguousarray(logits[:, : self._vocab_size])

    def _write(self, parts: list[Part], logits) -> list[Event]:
        """Draw what follows the parts that were read to their end, as far as they agree."""
        events: list[Event] = []
        drawing, number = [part for part in parts if part.row >= 0], 0
        while drawing:
            rows = [part.row + number for part in drawing]
            z = logits if len(rows) == len(logits) else logits[rows]
            top = max(part.sample.request.top_logprobs for part in drawing)
            try:
                drawn = self._draft.draw(z, drawing, number, top)
            except BaseException as error:
                if not number and isinstance(error, ValueError):
                    self._end_impossible(z, drawing, error)
                if not number or not _of_a_request(error, drawing):
                    raise
                for part in drawing:  # it comes again at the next step; first what was drawn
                    part.agreed -= 1  # read the last again
                break
            tops = zip(drawn.top_ids, drawn.top_logprobs, strict=True) if top else repeat(())
            for part, token, logprob, told in zip(
                drawing, drawn.ids.tolist(), drawn.logprobs.tolist(), tops, strict=False
            ):
                if not part.sample.finish:  # else cancelled meanwhile
                    events.append(part.sample.add(token, logprob, told))
                    if number < len(part.guesses) and part.guesses[number] == token:
                        part.agreed += 1
            number += 1
            drawing = [p for p in drawing if p.agreed == number and not p.sample.finish]
        for part in parts:
            sample, upto = part.sample, part.start + part.count
            self._blocks.fill(sample.path, sample.ids, upto + part.agreed)
            if part.guesses:
                self.stats.guessed += len(part.guesses)
                self.stats.accepted += part.agreed
            if not sample.caught_up:
                self.stats.prefilled += part.count
                sample.caught_up = part.row >= 0
                sample.request.read |= upto >= len(sample.request.prompt)
        self.stats.steps += bool(parts)
        self.stats.written += sum(event.token is not None for event in events)
        return events

    def _end_impossible(self, logits, parts: list[Part], error: ValueError) -> None:
        """End requests of whose steps no token is left: they would hold up all others for ever."""
        rows = [part.sample.row for part in parts]
        for part, p in zip(parts, possible(logits, rows), strict=True):
            if p is None:
                self._end(part.sample.request, "error", error)

    def _end(self, request: Request, finish: str, error: BaseException | None = None) -> None:
        request.error = request.error or error
        for sample in request.samples:
            if not sample.finish:
                sample.end(finish)
                if sample in self._waiting:
                    self._waiting.remove(sample)
                elif sample not in self._busy:
                    self._leave(sample)

    def _copy(self, source: int, target: int) -> None:
        self._cache.copy(source, target)
        self._draft.copy(source, target)

    def _check_weights(self) -> None:
        """What other weights computed is of no use."""
        versions = [model.version for model in self._models]
        if versions != self._versions:
            if self._running:
                raise ValueError(
                    f"generate: the model's weights changed while {len(self._running)} texts were "
                    f"being written; cancel them, or let them end first"
                )
            self._blocks.forget()
            self._versions = versions


def _of_a_request(error: BaseException, parts: list[Part]) -> bool:
    """Whether it ends a request when it comes again, and nothing else."""
    return isinstance(error, ValueError) or any(part.raised(error) for part in parts)
