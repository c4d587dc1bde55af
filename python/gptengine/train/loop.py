"""The loop that every trainer runs: steps, guard, log, checkpoints, resume, and its end.

What is trained on is a task: it gives batches and says how well the model does. The run folder
holds `checkpoints/step-...` (model folders with the training state), `best` (the model with the
lowest validation loss) and `run.jsonl` (every step).
"""

from __future__ import annotations

import dataclasses
import math
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from gptengine.train.checkpoints import (
    STATE,
    check_kinds,
    checkpoints,
    load_checkpoint,
    read_metadata,
    read_score,
    remove_leftovers,
    save_best,
    save_broken,
    save_checkpoint,
)
from gptengine.train.guard import Guard
from gptengine.train.log import Display, RunLog, memory_now, say, warn
from gptengine.train.plan import (
    check_memory,
    isa,
    machine_line,
    measured_peak,
    run_memory,
    step_seconds,
    time_line,
)
from gptengine.train.settings import FREE, TrainConfig
from gptengine.train.signals import StopSignals

MOST_BROKEN = 5  # steps in a row that are skipped because loss or norm is not finite


class Batch(NamedTuple):
    """The tokens of a micro-step, (B, T), or (N,) with segments; weight None: all count alike."""

    tokens: np.ndarray
    targets: np.ndarray
    weight: np.ndarray | None = None  # (N,) float32: how much each target counts
    segments: np.ndarray | None = None

    def total(self) -> float:
        """What its weights add up to."""
        if self.weight is None:
            return self.targets.size
        return float(np.sum(self.weight, dtype=np.float64))


class Task(Protocol):
    """What a loop trains on. Everything that it gives is a function of its settings and state."""

    name: str  # of the trainer, in messages
    context: int  # tokens that a token sees at most, for the account of operations
    most_tokens: int  # of a micro-step
    held_out: bool  # whether there is something to evaluate on

    def next(self) -> Sequence[Batch]:
        """The micro-steps of the next step."""

    def state(self) -> dict:
        """What `load_state` needs to go on with the next step."""

    def load_state(self, state: dict) -> None: ...

    def probe(self) -> tuple[Batch, int]:
        """A micro-step of the usual size, and how many of them make a step."""

    def settings(self) -> dict:
        """What decides about the result, beside the config and the model, as plain values."""

    def plan(self, first: int) -> dict[str, str]:
        """The rows of the plan that are its own, by name. first: the step to start at."""

    def evaluate(self) -> dict:
        """val_loss, of which less is better, and more; called where something is held out."""

    def describe(self, result: dict) -> str:
        """Such a result in words."""

    def sample(self) -> str:
        """What the model writes now."""


class Loop:
    """One run: what it needs, and its loop."""

    def __init__(self, task: Task, model, tok, out: Path, c: TrainConfig, console):
        from rich.console import Console  # 50 ms that `import gptengine` should not pay

        self.task, self.model, self.tok, self.out, self.c = task, model, tok, out, c
        self.console = console or Console()
        self.guard = Guard(c.guard, c.guard_window)
        self.best, self.first, self.tokens = math.inf, 0, 0
        self.finished = False
        self.elapsed = 0.0  # seconds of training, over all resumes
        self.aside = 0.0  # seconds spent on validation, samples and checkpoints
        self.last: dict = {}

    def run(self) -> Iterator[dict]:
        c, model = self.c, self.model
        check_memory(self.memory(), model.device)
        self.resume()
        if self.finished:
            say(self.console, f"{self.out} is finished: {self.first} steps")
            yield self.last
            return
        peak = measured_peak(model)
        lines = self.plan_lines(peak)
        for line in lines:
            say(self.console, line)
        model.reserve(self.task.most_tokens)
        probe, count = self.task.probe()
        seconds = step_seconds(model, probe, count, self.task.context, peak)
        lines.append(time_line(seconds, c.steps - self.first, self.time_left()))
        say(self.console, lines[-1])
        log = RunLog(self.out / "run.jsonl", resume_at=self.first)
        log.write(event="start", step=self.first, plan=lines, settings=self.settings())
        with (
            StopSignals() as stop,
            Display(self.console, c.steps, stop.note_closed_pipe) as display,
        ):
            try:
                for step in range(self.first, c.steps):
                    record = None if stop.received else self.step(step, stop)
                    if record is None:
                        self.stop(step, stop)
                    flops = record["tokens_per_second"] * model.flops_per_token(self.task.context)
                    if peak and flops > peak:  # others were at work while it was measured
                        peak = max(flops, measured_peak(model))
                        display.say(
                            f"note: the peak is {peak / 1e9:,.0f} GFLOP/s, higher than said"
                        )
                    record |= dict(mfu=flops / peak if peak else None, memory=memory_now())
                    seconds += 0.1 * (record["seconds"] - seconds)
                    self.last = log.write(**record)
                    left = (seconds + self.aside / (step + 1)) * (c.steps - step - 1)
                    display.step(record, max(0.0, min(left, self.time_left())))
                    self.finished = step + 1 == c.steps or self.time_left() <= 0
                    begin = time.perf_counter()
                    self.after(step + 1, log, display)
                    self.aside += time.perf_counter() - begin
                    if stop.received:
                        self.stop(step + 1, stop)
                    stop.release()  # the caller's code is not ours to hold up
                    yield self.last
                    stop.hold()
                    if self.finished:
                        break
            finally:
                log.close()

    def step(self, step: int, stop: StopSignals) -> dict | None:
        """One optimizer step and its record; None, with nothing changed, when told to stop."""
        c, model = self.c, self.model
        begin, position = time.perf_counter(), self.task.state()
        batches = self.task.next()
        # the loss is the mean over what counts in the whole step, whatever the micro-steps
        total = math.fsum(batch.total() for batch in batches)
        loss = 0.0
        for batch in batches:
            weight = np.ones(batch.targets.size) if batch.weight is None else batch.weight
            share = weight.astype(np.float64) / total
            dlogp = -share.astype(np.float32)
            logp = model.forward_backward(batch.tokens, batch.targets, dlogp, batch.segments)
            loss -= float(np.sum(logp * share))
            if stop.received:
                model.zero_grad()
                self.task.load_state(position)
                return None
        norm, lr = model.grad_norm(), c.lr_at(self.place(step))
        loss_z, norm_z, skip = self.guard.update(loss, norm)
        if self.guard.broken == MOST_BROKEN:
            saved = save_broken(self.out, step + 1, batches)
            raise ValueError(
                f"{self.task.name}: step {step + 1}: loss {loss}, gradient norm {norm} at learning "
                f"rate {lr:.3g}, the {MOST_BROKEN}th step in a row without finite numbers: a lower "
                f"lr than {c.lr} or a longer warmup than {c.warmup} may help; {self.newest()}; its "
                f"batch is {saved}"
            )
        if skip:
            model.zero_grad()
        else:
            model.step(
                lr=lr, weight_decay=c.weight_decay, clip=c.clip, beta1=c.beta1, beta2=c.beta2
            )
        seconds, tokens = time.perf_counter() - begin, sum(b.targets.size for b in batches)
        self.elapsed += seconds
        self.tokens += tokens
        scores = dict(loss_z=loss_z, norm_z=norm_z, skipped=skip)
        times = dict(tokens=self.tokens, seconds=seconds, elapsed=self.elapsed)
        times |= dict(tokens_per_second=tokens / seconds)
        return dict(step=step + 1, loss=loss, lr=lr, grad_norm=norm, **scores, **times)

    def memory(self) -> dict[str, int]:
        return run_memory(self.model, self.task.most_tokens, bool(self.c.sample_every))

    def plan_lines(self, peak: float | None) -> list[str]:
        rows = self.task.plan(self.first)
        note = rows.pop("note", None)
        sizes = self.memory()
        rows["memory"] = f"{sum(sizes.values()) / 1e6:,.0f} MB: " + ", ".join(
            f"{name} {size / 1e6:,.0f}" for name, size in sizes.items()
        )
        rows["machine"] = machine_line(self.model, peak)
        if note:
            rows["note"] = note
        if self.first:
            rows["resume"] = f"at step {self.first:,} of {self.c.steps:,}"
        return [f"{name:8} {text}" for name, text in rows.items()]

    def time_left(self) -> float:
        """Seconds that the run may still take."""
        return 60 * self.c.minutes - self.elapsed - self.aside if self.c.minutes else math.inf

    def place(self, step: int) -> float:
        """Where the schedule stands: at the step, or further if the time runs out before."""
        if not self.c.minutes:
            return step
        return max(step, self.c.steps * (1 - self.time_left() / (60 * self.c.minutes)))

    def after(self, done: int, log: RunLog, display: Display) -> None:
        """What comes between steps: validation, sample, checkpoint."""
        c, last = self.c, self.finished
        if last and done < c.steps:
            display.say(f"the time is up after {done:,} of {c.steps:,} steps")
        checkpoint = last or done % c.checkpoint_every == 0
        if self.task.held_out and (last or done % c.eval_every == 0):
            result = self.task.evaluate()
            self.last = self.last | log.write(step=done, **result)
            display.say(f"step {done}: validation {self.task.describe(result)}")
            if result["val_loss"] < self.best:
                self.best = result["val_loss"]
                self.save_best(done, result)
        elif checkpoint and not self.task.held_out:
            self.save_best(done, {})
        if c.sample_every and (last or done % c.sample_every == 0):
            text = self.task.sample()
            log.write(step=done, sample=text)
            display.say(f"step {done}: {text!r}")
        if checkpoint:
            self.save(done)

    def settings(self) -> dict:
        """Everything that decides about the result, as plain values."""
        plain = lambda value: list(value) if isinstance(value, tuple) else value
        return {
            **{name: plain(value) for name, value in dataclasses.asdict(self.c).items()},
            **{f"model.{k}": v for k, v in self.model.config.to_dict().items()},
            "dtype": self.model.dtype,
            "tokenizer": self.tok.fingerprint,
            **self.task.settings(),
        }

    def save_best(self, done: int, result: dict) -> None:
        settings = {k: v for k, v in self.settings().items() if k not in FREE}
        save_best(self.out, self.model, self.tok, dict(step=done, **result, settings=settings))

    def save(self, done: int) -> Path:
        metadata = {
            "step": done,
            "tokens": self.tokens,
            "settings": self.settings(),
            "data": self.task.state(),
            "guard": self.guard.state(),
            "best": self.best if math.isfinite(self.best) else None,
            "elapsed": self.elapsed,
            "aside": self.aside,
            "finished": self.finished,
            "isa": isa(self.model),
            "last": self.last,
        }
        return save_checkpoint(self.out, done, self.model, self.tok, metadata, self.c.keep)

    def resume(self) -> None:
        """Go back to the newest checkpoint, if there is one, and refuse changed settings."""
        remove_leftovers(self.out)
        found = checkpoints(self.out)
        if not found:
            self.best = self.best_before({})
            return
        metadata, settings = read_metadata(found[-1]), self.settings()
        for name, before in metadata["settings"].items():
            if name not in FREE and settings.get(name) != before:
                raise ValueError(
                    f"{self.task.name}: {name} is {settings.get(name)!r}, but the run in "
                    f"{self.out} was started with {before!r}: give that value or another out folder"
                )
        if metadata["isa"] != isa(self.model):
            say(
                self.console,
                f"note: {found[-1].name} was made with {metadata['isa']} instructions, this goes "
                f"on with {isa(self.model)}: the same but for rounding, not bit for bit",
            )
        load_checkpoint(found[-1], self.model)
        kinds = {name: type(value) for name, value in self.task.state().items()}
        check_kinds(metadata["data"], kinds, found[-1] / STATE)
        self.task.load_state(metadata["data"])
        self.guard.load_state(metadata["guard"])
        self.best = self.best_before(metadata)
        self.first, self.tokens, self.last = (metadata[k] for k in ("step", "tokens", "last"))
        self.elapsed, self.aside = metadata["elapsed"], metadata["aside"]
        self.finished = metadata["finished"]

    def best_before(self, metadata: dict) -> float:
        """The loss to beat: that of the model in `best`, which may be newer than the checkpoint.

        A model of another run is not to be replaced at all.
        """
        score = read_score(self.out)
        if score is None:
            return math.inf
        refuse = f"{self.task.name}: {self.out / 'best'} holds a model that is not of this run"
        give = "give another out folder"
        if not score and not metadata:
            raise ValueError(f"{refuse}: it has no score beside it: {give}")
        before, settings = score.get("settings"), self.settings()
        for name, value in (before if isinstance(before, dict) else {}).items():
            if name not in FREE and settings.get(name) != value:
                have = f"this run has {settings.get(name)!r}"
                raise ValueError(f"{refuse}: it was made with {name} {value!r}, {have}: {give}")
        loss = score.get("val_loss", metadata.get("best"))
        return loss if isinstance(loss, (int, float)) else math.inf

    def stop(self, done: int, stop: StopSignals) -> None:
        """Save and end, as a signal asked for."""
        folder = self.save(done) if done else None
        where = f"saved {folder}" if folder else "nothing to save yet"
        text = f"stopped at step {done}: {where}; the same call or command goes on from there"
        if stop.received == signal.SIGPIPE:
            warn(text)
        else:
            say(self.console, text)
        stop.end(text)

    def newest(self) -> str:
        found = checkpoints(self.out)
        return f"the newest checkpoint is {found[-1]}" if found else "there is no checkpoint yet"
