"""Supervised fine-tuning: a model learns to answer, by conversations in which answers count.

    run = sft(Model.load("runs/base"), tok, ["dialogs.jsonl"], out="runs/sft", lr=1e-4)

The run folder is that of loop.py. The same call goes on where it was stopped, with the same bits.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from gptengine.chat import LOSS_ROLES, ROLES, Rendered, template_of, with_template
from gptengine.chat.dialogs import read_dialogs
from gptengine.chat.examples import Counts, examples
from gptengine.data import Loader, TokenShards
from gptengine.files import folder_in_use, locked
from gptengine.options import option
from gptengine.tokenizer import Tokenizer
from gptengine.train.evaluate import bytes_per_token, evaluate
from gptengine.train.extend import continues
from gptengine.train.log import duration
from gptengine.train.loop import Batch, Loop
from gptengine.train.packing import epoch_batches
from gptengine.train.plan import model_line
from gptengine.train.run import Run, changed, checked_context, finished
from gptengine.train.settings import TrainConfig

HELD_OUT = 1000  # a conversation is held out by its digest, in parts of so many


@dataclasses.dataclass(frozen=True)
class SftConfig(TrainConfig):
    """How to fine-tune: conversations, batches, schedule, and what to show and keep."""

    NAME: ClassVar[str] = "sft"
    SMALLEST: ClassVar[dict[str, int]] = TrainConfig.SMALLEST | dict(
        steps=0, batch_tokens=1, accumulate=1, context=0, eval_tokens=1
    )

    epochs: float = option(3.0, "how often the conversations are read; steps, if given, decide")
    steps: int = option(0, "optimizer steps (0: as many as the epochs have)")
    batch_tokens: int = option(4096, "most tokens of a micro-step, or one longer example")
    accumulate: int = option(1, "micro-steps a step")
    context: int = option(0, "most tokens of an example (0: the model's context length)")
    template: str = option("gptengine", "chat template", shows="NAME")
    loss_on: tuple[str, ...] = option(LOSS_ROLES, "roles whose messages count", shows="ROLE")
    too_long: Literal["split", "drop", "cut", "refuse"] = option(
        "split", "what becomes of a conversation that is longer than the context"
    )
    packed: bool = option(True, "several conversations a micro-step")
    held_out: float = option(0.02, "share of the conversations for validation")
    mix: float = option(0.1, "share of the tokens that count which are of the pretraining text")
    lr: float = option(1e-4, "peak learning rate")
    warmup: int = option(20, "steps of warm-up")
    floor: float = option(0.0, "learning rate at the end, as a share of the peak")
    weight_decay: float = option(0.0, "decay of the matrices, times the learning rate")
    eval_every: int = option(100, "steps between validations")
    eval_tokens: int = option(32768, "tokens of pretraining text in a validation")
    sample_every: int = option(100, "steps between samples (0: none)")
    prompt: str = option("What can you do?", "what the samples answer", shows="TEXT")

    def __post_init__(self):
        super().__post_init__()
        template_of(self.template)
        for role in self.loss_on:
            if role not in ROLES:
                raise ValueError(f"sft: loss_on {role!r} is none of {', '.join(ROLES)}")
        if not self.loss_on:
            raise ValueError(f"sft: loss_on names no role of {', '.join(ROLES)}")
        if not 0 < self.epochs < math.inf:
            raise ValueError(f"sft: epochs {self.epochs} must be above 0")
        if not 0 <= self.held_out <= 0.5:
            raise ValueError(f"sft: held_out {self.held_out} must be from 0 to 0.5")
        if not 0 <= self.mix < 1:
            raise ValueError(f"sft: mix {self.mix} must be from 0 to below 1")
        if self.too_long not in ("split", "drop", "cut", "refuse"):
            raise ValueError(f"sft: too_long {self.too_long!r} is none of split, drop, cut, refuse")


def sft(
    model,
    tok,
    data: Sequence,
    out,
    *,
    pretraining=None,
    config: SftConfig | None = None,
    console=None,
    **settings,
) -> Run:
    """Fine-tune `model` in place and return the finished run.

    data: .jsonl files of conversations (see chat/dialogs.py), or (file, times) with how often its
    conversations come in an epoch. pretraining: a folder of token shards to mix in and to measure
    what is forgotten on. settings: fields of SftConfig by name, over those of `config`.
    `sft.iter(...)`, with the same arguments, yields after every step.
    """
    options = dict(pretraining=pretraining, config=config, console=console, **settings)
    return finished(out, iterate(model, tok, data, out, **options))


def iterate(
    model,
    tok,
    data: Sequence,
    out,
    *,
    pretraining=None,
    config: SftConfig | None = None,
    console=None,
    **settings,
) -> Iterator[dict]:
    """As `sft`, but yields each step's record."""
    c = changed(config or SftConfig(), settings)
    with folder_in_use(out) as out, locked(out):
        tok = with_template(tok, template_of(c.template))
        task = FineTuning(model, tok, data, pretraining, c)
        c = dataclasses.replace(c, steps=task.steps)
        yield from Loop(task, model, tok, out, c, console).run()


sft.iter = iterate


class FineTuning:
    """Conversations, and now and then a block of pretraining text: a task of loop.py."""

    name = "sft"

    def __init__(self, model, tok, data, pretraining, c: SftConfig):
        self.model, self.tok, self.c = model, tok, c
        self.template = template_of(c.template)
        self.context = checked_context("sft", model, tok, c.context)
        self.counts = Counts()
        self.examples, self.times, self.val = self._read(data)
        self.held_out = bool(self.val)
        self.lengths = np.array([len(e.ids) - 1 for e in self.examples])
        self.most_tokens = max(c.batch_tokens, self.context)
        self.text = TokenShards(pretraining, "train") if pretraining else None
        self.val_text = None
        if self.text:
            if not continues(tok, Tokenizer.load(pretraining)):
                self.text.check_tokenizer(tok)
            if any(Path(pretraining).glob("val-*.tok")):
                self.val_text = TokenShards(pretraining, "val")
            self.loader = Loader(self.text, 1, min(self.context, 512), c.seed)
        self.share = c.mix if self.text else 0.0
        self.token_bytes = bytes_per_token(tok)
        self._start_epoch(0)
        self.said = 0.0  # loss tokens of conversations so far, by weight
        self.mixed = 0  # and of pretraining text
        per_epoch = math.ceil(len(self.batches) / c.accumulate)
        self.steps = c.steps or max(1, round(c.epochs * per_epoch))

    def _read(self, data):
        """Examples to train on with how often each comes, and those that are held out."""
        c, train, times, val = self.c, [], [], []
        for source in data:
            path, often = source if isinstance(source, tuple) else (source, 1.0)
            if not 0 < often < math.inf:
                raise ValueError(f"sft: {path}: times {often} must be above 0")
            found = examples(
                read_dialogs(path),
                self.template,
                self.tok,
                self.context,
                loss_on=c.loss_on,
                too_long=c.too_long,
                counts=self.counts,
            )
            for example in found:
                if _digest(example.ids) % HELD_OUT < round(c.held_out * HELD_OUT):
                    val.append(example)
                else:
                    train.append(example)
                    times.append(float(often))
        if not train:
            raise ValueError(f"sft: no conversations to train on; {self.counts.line()}")
        return train, np.array(times), val

    def _start_epoch(self, epoch: int) -> None:
        c = self.c
        self.batches = epoch_batches(
            self.lengths, self.times, self.most_tokens, c.seed, epoch, c.packed
        )
        self.epoch, self.index = epoch, 0

    def next(self) -> list[Batch]:
        batches = []
        for _ in range(self.c.accumulate):
            if self.index == len(self.batches):
                self._start_epoch(self.epoch + 1)
            batch = together([self.examples[i] for i in self.batches[self.index]])
            self.index += 1
            batches.append(batch)
            self.said += batch.total()
            batches += self._blocks()
        return batches

    def _blocks(self) -> Iterator[Batch]:
        """As many blocks of pretraining text as bring its part of all that counted to its share.

        What is over or missing is carried on, so any stretch of the run has the share, to a block.
        """
        if not self.share:
            return
        wanted = self.said * self.share / (1 - self.share)
        while self.mixed + self.loader.context / 2 <= wanted:
            inputs, targets = self.loader.next()
            self.mixed += targets.size
            yield Batch(inputs, targets)

    def state(self) -> dict:
        text = self.loader.state() if self.text else {}
        return {
            "epoch": self.epoch,
            "index": self.index,
            "said": self.said,
            "mixed": self.mixed,
            "text": text,
        }

    def load_state(self, state: dict) -> None:
        self._start_epoch(state["epoch"])
        self.index, self.said, self.mixed = state["index"], state["said"], state["mixed"]
        if self.text:
            self.loader.load_state(state["text"])

    def probe(self) -> tuple[Batch, int]:
        return together([self.examples[i] for i in self.batches[0]]), self.c.accumulate

    def settings(self) -> dict:
        digest = hashlib.sha256()
        for example, often in zip(self.examples, self.times, strict=True):
            digest.update(example.ids.tobytes() + example.weight.tobytes() + repr(often).encode())
        return {
            "conversations": digest.hexdigest(),
            "pretraining": self.text.fingerprint if self.text else None,
        }

    def plan(self, first: int) -> dict[str, str]:
        c, per_epoch = self.c, len(self.batches)
        fill = self.lengths @ self.times / (per_epoch * self.most_tokens)
        rows = {
            "model": model_line(self.model.config),
            "data": self.counts.line(),
            "held out": f"{len(self.val):,} examples",
            "batches": f"{per_epoch:,} an epoch of at most {self.most_tokens:,} tokens, "
            f"{fill:.0%} full",
            "steps": f"{self.steps:,} of {c.accumulate} batches: "
            f"{self.steps * c.accumulate / per_epoch:.1f} epochs",
            "counts": f"messages of {', '.join(c.loss_on)}",
            "rate": f"{c.lr:.3g}, {c.schedule}, {c.warmup} steps of warm-up",
        }
        if self.text:
            rows["mix"] = (
                f"{self.share:.0%} of what counts is of {self.text.tokens:,} tokens of text"
            )
        return rows

    def evaluate(self) -> dict:
        """Nats a counted token of held-out conversations, and what pretraining text costs now."""
        result = conversation_loss(self.model, self.val, self.most_tokens)
        if self.val_text:
            text = evaluate(
                self.model, self.val_text, self.token_bytes, 8, self.context, self.c.eval_tokens
            )
            result |= {"text_loss": text["val_loss"], "val_bpb": text["val_bpb"]}
        return result

    def describe(self, result: dict) -> str:
        said = f"loss {result['val_loss']:.4f} nats a token that counts"
        if "text_loss" in result:
            said += f", pretraining text {result['val_bpb']:.4f} bits a byte"
        return f"{said}, over {result['val_tokens']:,} tokens"

    def sample(self) -> str:
        """What the model answers to the prompt."""
        from gptengine.chat.render import render

        c, tok = self.c, self.tok
        asked = [{"role": "user", "content": c.prompt}]
        ids = render(self.template, tok, asked, answer="").ids.tolist()
        (written,) = self.model.generate(
            [ids],
            max_new_tokens=c.sample_tokens,
            temperature=0.8,
            seed=c.seed,
            stop=[tok.special_tokens[self.template.end]],
        )
        return tok.decode([i for i in written.tokens if i < tok.vocab_size])


def describe(run: Run) -> str:
    """A finished run in a line."""
    text = f"{run.steps:,} steps in {duration(run.seconds)}: the last step's loss {run.loss:.4f}"
    if run.val_loss is not None:
        text += f", validation {run.val_loss:.4f} nats a token that counts"
    if run.val_bpb is not None:
        text += f", pretraining text {run.val_bpb:.4f} bits a byte"
    return f"{text}. Best model: {run.best}"


def together(some: Sequence[Rendered]) -> Batch:
    """Examples behind each other, each a segment of its own."""
    part = lambda name, cut: np.concatenate([getattr(e, name)[cut] for e in some])
    ends = np.cumsum([0] + [len(e.ids) - 1 for e in some])
    return Batch(
        part("ids", slice(0, -1)).astype(np.int32),
        part("ids", slice(1, None)).astype(np.int32),
        part("weight", slice(1, None)),
        ends.astype(np.int32),
    )


def conversation_loss(model, some: Sequence[Rendered], most_tokens: int) -> dict:
    """val_loss in nats a token that counts, by weight, and val_tokens, how many these are."""
    nats, weight, tokens = 0.0, 0.0, 0
    lengths = np.array([len(e.ids) - 1 for e in some])
    for group in epoch_batches(lengths, np.ones(len(some)), most_tokens, 0, 0):
        batch = together([some[i] for i in group])
        logp = model.logprob(batch.tokens, batch.targets, batch.segments)
        nats -= float(np.sum(logp.astype(np.float64) * batch.weight))
        weight += batch.total()
        tokens += int(np.count_nonzero(batch.weight))
    return {"val_loss": nats / weight, "val_tokens": tokens}


def _digest(ids: np.ndarray) -> int:
    return int.from_bytes(hashlib.sha256(ids.tobytes()).digest()[:8], "little")
