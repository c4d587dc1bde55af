"""Pretrain a model on token shards; the same call or command goes on where it was stopped.

    run = pretrain(model, tok, "data/novels", out="runs/base", steps=2000)

The run folder holds `checkpoints/step-...` (model folders with the training state), `best` (the
model with the lowest validation loss) and `run.jsonl` (every step). A run that is stopped and
resumed ends with the same bits as one that is not. With a limit in `minutes` it does not: the
learning rate then follows the clock, which is never the same twice.
"""

from __future__ import annotations

import dataclasses
import math
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gptengine.data import TokenShards, open_loader
from gptengine.data.prepare import prepare
from gptengine.files import folder_in_use, locked
from gptengine.train.checkpoints import (
    checkpoints,
    load_checkpoint,
    read_metadata,
    read_score,
    remove_leftovers,
    save_best,
    save_checkpoint,
)
from gptengine.train.evaluate import bytes_per_token, evaluate
from gptengine.train.guard import Guard
from gptengine.train.log import Display, RunLog, duration, memory_now, say, warn
from gptengine.train.plan import (
    check_memory,
    isa,
    measured_peak,
    plan_lines,
    run_memory,
    step_seconds,
    time_line,
)
from gptengine.train.settings import FREE, PretrainConfig
from gptengine.train.signals import StopSignals

MOST_BROKEN = 5  # steps in a row that are skipped because loss or norm is not finite


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run: its folder, its best model's folder, and where it ended."""

    out: Path
    best: Path
    steps: int
    loss: float  # nats a token, of the last step
    val_loss: float | None  # nats a token, over the held-out text
    val_bpb: float | None  # bits a byte
    seconds: float  # of training, over all resumes


def pretrain(
    model, tok, data, out, *, config: PretrainConfig | None = None, console=None, **settings
) -> Run:
    """Train `model` in place and return the finished run.

    data: a folder of token shards, or text files and folders, which become shards in `out/data`.
    settings: fields of PretrainConfig by name, over those of `config`. Ctrl-C and SIGTERM save a
    checkpoint first. `pretrain.iter(...)`, with the same arguments, yields after every step;
    in between signals do what they did before.
    """
    last: dict = {}
    for record in iterate(model, tok, data, out, config=config, console=console, **settings):
        last |= record
    best = Path(out) / "best"
    keys = ("loss", "val_loss", "val_bpb", "elapsed")
    loss, val_loss, val_bpb, seconds = (last.get(key) for key in keys)
    return Run(Path(out), best, last["step"], loss, val_loss, val_bpb, seconds)


def iterate(
    model, tok, data, out, *, config: PretrainConfig | None = None, console=None, **settings
) -> Iterator[dict]:
    """As `pretrain`, but yields each step's record: step, loss, grad_norm, lr, val_loss, ..."""
    known = {f.name for f in dataclasses.fields(PretrainConfig)}
    for name in settings.keys() - known:
        raise ValueError(f"pretrain: unknown setting {name!r}; known: {', '.join(sorted(known))}")
    c = dataclasses.replace(config or PretrainConfig(), **settings)
    with folder_in_use(out) as out, locked(out):
        yield from _Loop(model, tok, data, out, c, console).run()


pretrain.iter = iterate


class _Loop:
    """One run: what it needs, and its loop."""

    def __init__(self, model, tok, data, out: Path, c: PretrainConfig, console):
        from rich.console import Console  # 50 ms that `import gptengine` should not pay

        self.model, self.tok, self.out, self.c = model, tok, out, c
        self.console = console or Console()
        self.context = c.context or model.config.context_length
        if self.context > model.config.context_length:
            raise ValueError(
                f"pretrain: context {self.context} is longer than the model's context_length "
                f"{model.config.context_length}"
            )
        if tok.vocab_size > model.config.vocab_size:
            raise ValueError(
                f"pretrain: the tokenizer has {tok.vocab_size} tokens, the model's vocabulary only "
                f"{model.config.vocab_size}"
            )
        folder = prepare(data, out / "data", lambda _: tok, {"tokenizer": tok.fingerprint})
        self.train = TokenShards(folder, "train")
        self.train.check_tokenizer(tok)
        held_out = any(folder.glob("val-*.tok"))
        self.val = TokenShards(folder, "val") if held_out else None
        self.loader = open_loader(self.train, c.batch, self.context, c.seed)
        self.guard = Guard(c.guard, c.guard_window)
        self.token_bytes = bytes_per_token(tok)
        self.best, self.first, self.finished = math.inf, 0, False
        self.elapsed = 0.0  # seconds of training, over all resumes
        self.aside = 0.0  # seconds spent on validation, samples and checkpoints
        self.last: dict = {}

    def run(self) -> Iterator[dict]:
        c, model = self.c, self.model
        check_memory(run_memory(model, c, self.context), model.device)
        self.resume()
        if self.finished:
            say(self.console, f"{self.out} is finished: {self.first} steps")
            yield self.last
            return
        peak = measured_peak(model)
        lines = plan_lines(model, c, self.context, self.train, self.val, peak, self.first)
        for line in lines:
            say(self.console, line)
        model.reserve(c.batch * self.context)
        seconds = step_seconds(model, c.batch, self.context, c.accumulate, peak)
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
                    rate = c.batch * c.accumulate * self.context / record["seconds"]
                    flops = rate * model.flops_per_token(self.context)
                    if peak and flops > peak:  # others were at work while it was measured
                        peak = max(flops, measured_peak(model))
                        display.say(
                            f"note: the peak is {peak / 1e9:,.0f} GFLOP/s, higher than said"
                        )
                    mfu = flops / peak if peak else None
                    record |= dict(tokens_per_second=rate, mfu=mfu, memory=memory_now())
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
        begin, position = time.perf_counter(), self.loader.state()
        step_tokens = c.batch * c.accumulate * self.context
        # the loss is the mean over the tokens of the whole step, whatever the micro-steps
        dlogp = np.full(c.batch * self.context, -1 / step_tokens, np.float32)
        loss = 0.0
        for _ in range(c.accumulate):
            inputs, targets = self.loader.next()
            logp = model.forward_backward(inputs, targets, dlogp)
            loss -= float(np.sum(logp, dtype=np.float64)) / step_tokens
            if stop.received:
                model.zero_grad()
                self.loader.load_state(position)
                return None
        norm, lr = model.grad_norm(), c.lr_at(self.place(step))
        loss_z, norm_z, skip = self.guard.update(loss, norm)
        if self.guard.broken == MOST_BROKEN:
            raise ValueError(
                f"pretrain: step {step + 1}: loss {loss}, gradient norm {norm} at learning rate "
                f"{lr:.3g}, the {MOST_BROKEN}th step in a row without finite numbers: a lower lr "
                f"than {c.lr} or a longer warmup than {c.warmup} may help; {self.newest()}"
            )
        if skip:
            model.zero_grad()
        else:
            model.step(
                lr=lr, weight_decay=c.weight_decay, clip=c.clip, beta1=c.beta1, beta2=c.beta2
            )
        seconds = time.perf_counter() - begin
        self.elapsed += seconds
        scores = dict(loss_z=loss_z, norm_z=norm_z, skipped=skip)
        times = dict(tokens=(step + 1) * step_tokens, seconds=seconds, elapsed=self.elapsed)
        return dict(step=step + 1, loss=loss, lr=lr, grad_norm=norm, **scores, **times)

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
        if self.val and (last or done % c.eval_every == 0):
            result = evaluate(
                self.model, self.val, self.token_bytes, c.batch, self.context, c.eval_tokens
            )
            self.last = self.last | log.write(step=done, **result)
            display.say(
                f"step {done}: validation {score(result['val_loss'], result['val_bpb'])}, "
                f"over {result['val_tokens']:,} tokens"
            )
            if result["val_loss"] < self.best:
                self.best = result["val_loss"]
                self.save_best(done, result)
        elif checkpoint and not self.val:
            self.save_best(done, {})
        if c.sample_every and (last or done % c.sample_every == 0):
            text = self.sample()
            log.write(step=done, sample=text)
            display.say(f"step {done}: {text!r}")
        if checkpoint:
            self.save(done)

    def sample(self) -> str:
        """What the model writes after the prompt, or after the end of a text."""
        c, tok = self.c, self.tok
        prompt = [*tok.template[0], *tok.encode(c.prompt, specials="text").tolist()]
        if not prompt:
            prompt = tok.encode("\n", specials="text").tolist()
            prompt = prompt if tok.eos_id is None else [tok.eos_id]
        prompt = prompt[-self.model.config.context_length // 2 :]
        (written,) = self.model.generate(
            [prompt], max_new_tokens=c.sample_tokens, temperature=0.8, seed=c.seed
        )
        # a model's vocabulary may be padded beyond the tokenizer's
        return c.prompt + tok.decode([i for i in written.tokens if i < tok.vocab_size])

    def settings(self) -> dict:
        """Everything that decides about the result, as plain values."""
        return {
            **dataclasses.asdict(self.c),
            **{f"model.{k}": v for k, v in self.model.config.to_dict().items()},
            "dtype": self.model.dtype,
            "tokenizer": self.tok.fingerprint,
            "data": self.train.fingerprint,
            "held_out_data": self.val.fingerprint if self.val else None,
        }

    def save_best(self, done: int, result: dict) -> None:
        settings = {k: v for k, v in self.settings().items() if k not in FREE}
        save_best(self.out, self.model, self.tok, dict(step=done, **result, settings=settings))

    def save(self, done: int) -> Path:
        metadata = {
            "step": done,
            "settings": self.settings(),
            "loader": self.loader.state(),
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
                    f"pretrain: {name} is {settings.get(name)!r}, but the run in {self.out} was "
                    f"started with {before!r}: give that value or another out folder"
                )
        if metadata["isa"] != isa(self.model):
            say(
                self.console,
                f"note: {found[-1].name} was made with {metadata['isa']} instructions, this goes "
                f"on with {isa(self.model)}: the same but for rounding, not bit for bit",
            )
        load_checkpoint(found[-1], self.model)
        self.loader.load_state(metadata["loader"])
        self.guard.load_state(metadata["guard"])
        self.best = self.best_before(metadata)
        self.first, self.elapsed, self.last = (metadata[k] for k in ("step", "elapsed", "last"))
        self.aside, self.finished = metadata["aside"], metadata["finished"]

    def best_before(self, metadata: dict) -> float:
        """The loss to beat: that of the model in `best`, which may be newer than the checkpoint.

        A model of another run is not to be replaced at all.
        """
        score = read_score(self.out)
        if score is None:
            return math.inf
        refuse = f"pretrain: {self.out / 'best'} holds a model that is not of this run"
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


def describe(run: Run) -> str:
    """A finished run in a line."""
    text = f"{run.steps:,} steps in {duration(run.seconds)}: the last batch's loss {run.loss:.4f}"
    if run.val_loss is not None:
        text += f", validation {score(run.val_loss, run.val_bpb)}"
    return f"{text}. Best model: {run.best}"


def score(val_loss: float, val_bpb: float) -> str:
    """One result in both of its units."""
    return f"loss {val_loss:.4f} nats a token = {val_bpb:.4f} bits a byte of text"
