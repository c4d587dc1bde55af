"""Pretrain a model on token shards; the same call or command goes on where it was stopped.

    run = pretrain(model, tok, "data/novels", out="runs/base", steps=2000)

The run folder holds `checkpoints/step-...` (model folders with the training state), `best` (the
model with the lowest validation loss) and `run.jsonl` (every step). A run that is stopped and
resumed ends with the same bits as one that is not.
"""

from __future__ import annotations

import dataclasses
import fcntl
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gptengine.checkpoint import save_folder
from gptengine.config import check_seed
from gptengine.data import Loader, TokenShards
from gptengine.data.prepare import prepare
from gptengine.files import recover
from gptengine.options import option
from gptengine.train.checkpoints import (
    checkpoints,
    load_checkpoint,
    read_metadata,
    remove_leftovers,
    save_checkpoint,
)
from gptengine.train.evaluate import bytes_per_token, evaluate
from gptengine.train.guard import Guard
from gptengine.train.log import Display, RunLog, duration, memory_now, say
from gptengine.train.plan import (
    check_memory,
    isa,
    measured_peak,
    plan_lines,
    run_memory,
    step_seconds,
    time_line,
)
from gptengine.train.schedules import warmup_cosine, warmup_stable_decay
from gptengine.train.signals import StopSignals

# settings that change what a run shows and keeps, not what it computes
FREE = {"eval_every", "eval_tokens", "sample_every", "sample_tokens", "prompt"}
FREE |= {"checkpoint_every", "keep"}
MOST_BROKEN = 5  # steps in a row that are skipped because loss or norm is not finite


@dataclasses.dataclass(frozen=True)
class PretrainConfig:
    """How to pretrain: batches, schedule, optimizer, and what to show and keep."""

    steps: int = option(2000, "optimizer steps")
    batch: int = option(8, "sequences a micro-step")
    accumulate: int = option(1, "micro-steps a step")
    context: int = option(0, "tokens a sequence (0: the model's context length)")
    lr: float = option(1e-3, "peak learning rate")
    schedule: str = option("cosine", "cosine, or wsd: level with a decay at the end")
    warmup: int = option(100, "steps of warm-up")
    decay: float = option(0.2, "share of the steps in which wsd decays")
    floor: float = option(0.1, "learning rate at the end, as a share of the peak")
    weight_decay: float = option(0.1, "decay of the matrices, times the learning rate")
    beta1: float = option(0.9, "AdamW: memory of the gradient")
    beta2: float = option(0.95, "AdamW: memory of its square")
    clip: float = option(1.0, "largest gradient norm")
    guard: float = option(8.0, "skip a step whose loss or norm is so many sigmas up (0: never)")
    guard_window: int = option(128, "steps that the guard compares with")
    seed: int = option(0, "of the batches' order and the samples")
    eval_every: int = option(250, "steps between validations")
    eval_tokens: int = option(32768, "tokens of a validation; the last one takes more")
    sample_every: int = option(500, "steps between samples (0: none)")
    sample_tokens: int = option(64, "tokens of a sample")
    prompt: str = option("", "what the samples go on from")
    checkpoint_every: int = option(500, "steps between checkpoints")
    keep: int = option(2, "checkpoints to keep")

    def __post_init__(self):
        smallest = dict(steps=1, batch=1, accumulate=1, context=0, warmup=0, guard_window=2)
        smallest |= dict(eval_every=1, eval_tokens=1, sample_every=0, sample_tokens=1)
        smallest |= dict(checkpoint_every=1, keep=1)
        for name, least in smallest.items():
            if getattr(self, name) < least:
                raise ValueError(f"pretrain: {name} {getattr(self, name)} must be at least {least}")
        for name in ("lr", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"pretrain: {name} {getattr(self, name)} must be above 0")
        for name in ("decay", "floor", "beta1", "beta2"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"pretrain: {name} {getattr(self, name)} must be from 0 to 1")
        for name in ("guard", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"pretrain: {name} {getattr(self, name)} must be 0 or more")
        check_seed("pretrain", self.seed)
        if self.schedule not in ("cosine", "wsd"):
            raise ValueError(f"pretrain: schedule {self.schedule!r} is neither cosine nor wsd")

    def lr_at(self, step: int) -> float:
        """The learning rate of a step; a warm-up longer than a tenth of a run is shortened."""
        warmup = min(self.warmup, max(1, self.steps // 10)) if self.warmup else 0
        if self.schedule == "cosine":
            return self.lr * warmup_cosine(step, warmup, self.steps, self.floor)
        decay = round(self.decay * self.steps)
        return self.lr * warmup_stable_decay(step, warmup, self.steps, decay, self.floor)


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
    checkpoint first. `pretrain.iter(...)`, with the same arguments, yields after every step.
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
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{out}: another process is training there") from None
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
        self.loader = Loader(self.train, c.batch, self.context, c.seed)
        self.guard = Guard(c.guard, c.guard_window)
        self.token_bytes = bytes_per_token(tok)
        self.best, self.elapsed, self.first = math.inf, 0.0, 0
        self.last: dict = {}

    def run(self) -> Iterator[dict]:
        c, model = self.c, self.model
        check_memory(run_memory(model, c, self.context), model.device)
        self.resume()
        if self.first == c.steps:
            say(self.console, f"{self.out} is finished: {c.steps} steps")
            yield self.last
            return
        peak = measured_peak(model)
        lines = plan_lines(model, c, self.context, self.train, self.val, peak, self.first)
        for line in lines:
            say(self.console, line)
        model.reserve(c.batch * self.context)
        seconds = step_seconds(model, c.batch, self.context, c.accumulate, peak)
        lines.append(time_line(seconds, c.steps - self.first))
        say(self.console, lines[-1])
        aside = 0.0  # seconds spent on validation, samples and checkpoints
        log = RunLog(self.out / "run.jsonl", resume_at=self.first)
        log.write(event="start", step=self.first, plan=lines, settings=self.settings())
        with StopSignals() as stop, Display(self.console, c.steps) as display:
            try:
                for step in range(self.first, c.steps):
                    record = None if stop.received else self.step(step, stop)
                    if record is None:
                        self.stop(step, stop)
                    rate = c.batch * c.accumulate * self.context / record["seconds"]
                    flops = rate * model.flops_per_token(self.context)
                    mfu = flops / peak if peak else None
                    record |= dict(tokens_per_second=rate, mfu=mfu, memory=memory_now())
                    seconds += 0.1 * (record["seconds"] - seconds)
                    self.last = log.write(**record)
                    mean_aside = aside / (step + 1 - self.first)
                    display.step(record, (seconds + mean_aside) * (c.steps - step - 1))
                    begin = time.perf_counter()
                    self.after(step + 1, log, display)
                    aside += time.perf_counter() - begin
                    yield self.last
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
        norm, lr = model.grad_norm(), c.lr_at(step)
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

    def after(self, done: int, log: RunLog, display: Display) -> None:
        """What comes between steps: validation, sample, checkpoint."""
        c, last = self.c, done == self.c.steps
        checkpoint = last or done % c.checkpoint_every == 0
        if self.val and (last or done % c.eval_every == 0):
            validate = lambda tokens: evaluate(
                self.model, self.val, self.token_bytes, c.batch, self.context, tokens
            )
            result = validate(c.eval_tokens)
            score = result["val_loss"]  # the best is chosen on one text
            # The last figure is of up to a tenth of the tokens that were trained on.
            longer = c.steps * c.batch * c.accumulate * self.context // 10
            if last and longer > c.eval_tokens:
                result = validate(longer)
            self.last = self.last | log.write(step=done, **result)
            display.say(
                f"step {done}: validation loss {result['val_loss']:.4f} nats a token, "
                f"{result['val_bpb']:.4f} bits a byte"
            )
            if score < self.best:
                self.best = score
                save_folder(self.out / "best", self.model.config, self.model.parameters(), self.tok)
        elif checkpoint and not self.val:
            save_folder(self.out / "best", self.model.config, self.model.parameters(), self.tok)
        if c.sample_every and (last or done % c.sample_every == 0):
            text = self.sample()
            log.write(step=done, sample=text)
            display.say(f"step {done}: {text!r}")
        if checkpoint:
            self.save(done)

    def sample(self) -> str:
        """What the model writes after the prompt, or after the end of a text."""
        c, tok = self.c, self.tok
        prompt = tok.encode(c.prompt, specials="text").tolist()
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
        }

    def save(self, done: int) -> Path:
        metadata = {
            "step": done,
            "settings": self.settings(),
            "loader": self.loader.state(),
            "guard": self.guard.state(),
            "best": self.best if math.isfinite(self.best) else None,
            "elapsed": self.elapsed,
            "isa": isa(self.model),
            "last": self.last,
        }
        return save_checkpoint(self.out, done, self.model, self.tok, metadata, self.c.keep)

    def resume(self) -> None:
        """Go back to the newest checkpoint, if there is one, and refuse changed settings."""
        remove_leftovers(self.out)
        recover(self.out / "best")
        found = checkpoints(self.out)
        if not found:
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
        self.best = math.inf if metadata["best"] is None else metadata["best"]
        self.first, self.elapsed, self.last = (metadata[k] for k in ("step", "elapsed", "last"))

    def stop(self, done: int, stop: StopSignals) -> None:
        """Save and end, as a signal asked for."""
        folder = self.save(done) if done else None
        where = f"saved {folder}" if folder else "nothing to save yet"
        say(self.console, f"stopped at step {done}: {where}")
        stop.end()

    def newest(self) -> str:
        found = checkpoints(self.out)
        return f"the newest checkpoint is {found[-1]}" if found else "there is no checkpoint yet"


def describe(run: Run) -> str:
    """A finished run in a line."""
    text = f"{run.steps} steps in {duration(run.seconds)}, loss {run.loss:.4f}"
    if run.val_loss is not None:
        text += f", validation {run.val_loss:.4f} nats a token, {run.val_bpb:.4f} bits a byte"
    return f"{text}. Best model: {run.best}"
