"""The settings of trainers: what they may be, and the learning rate that they mean."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, Literal

from gptengine.config import check_seed
from gptengine.options import check_sizes, option
from gptengine.train.schedules import warmup_cosine, warmup_stable_decay

# settings that change what a run shows and keeps, not what it computes
FREE = {"eval_every", "sample_every", "sample_tokens", "prompt"}
FREE |= {"checkpoint_every", "keep"}


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """What every trainer has: schedule, optimizer, and what to show and keep."""

    NAME: ClassVar[str] = "train"  # in messages
    SMALLEST: ClassVar[dict[str, int]] = dict(
        steps=1,
        warmup=0,
        guard_window=2,
        eval_every=1,
        sample_every=0,
        sample_tokens=1,
        checkpoint_every=1,
        keep=1,
    )

    steps: int = option(2000, "optimizer steps")
    minutes: float = option(
        0.0,
        "end by then, with the schedule at its end: bits then depend on the clock (0: no limit)",
    )
    lr: float = option(1e-3, "peak learning rate")
    schedule: Literal["cosine", "wsd"] = option("cosine", "wsd: level with a decay at the end")
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
    sample_every: int = option(500, "steps between samples (0: none)")
    sample_tokens: int = option(64, "tokens of a sample")
    checkpoint_every: int = option(500, "steps between checkpoints")
    keep: int = option(2, "checkpoints to keep")

    def __post_init__(self):
        check_sizes(self.NAME, self, **self.SMALLEST)
        for name in ("lr", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{self.NAME}: {name} {getattr(self, name)} must be above 0")
        for name in ("decay", "floor", "beta1", "beta2"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{self.NAME}: {name} {getattr(self, name)} must be from 0 to 1")
        for name in ("guard", "weight_decay", "minutes"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{self.NAME}: {name} {getattr(self, name)} must be 0 or more")
        check_seed(self.NAME, self.seed)
        if self.schedule not in ("cosine", "wsd"):
            raise ValueError(f"{self.NAME}: schedule {self.schedule!r} is neither cosine nor wsd")

    def lr_at(self, step: float) -> float:
        """The learning rate at a step; a warm-up longer than a tenth of a run is shortened."""
        warmup = min(self.warmup, max(1, self.steps // 10)) if self.warmup else 0
        if self.schedule == "cosine":
            return self.lr * warmup_cosine(step, warmup, self.steps, self.floor)
        decay = round(self.decay * self.steps)
        return self.lr * warmup_stable_decay(step, warmup, self.steps, decay, self.floor)


@dataclasses.dataclass(frozen=True)
class PretrainConfig(TrainConfig):
    """How to pretrain: batches, schedule, optimizer, and what to show and keep."""

    NAME: ClassVar[str] = "pretrain"
    SMALLEST: ClassVar[dict[str, int]] = TrainConfig.SMALLEST | dict(
        batch=1, accumulate=1, context=0, eval_tokens=1
    )

    batch: int = option(8, "sequences a micro-step")
    accumulate: int = option(1, "micro-steps a step")
    context: int = option(0, "tokens a sequence (0: the model's context length)")
    eval_tokens: int = option(32768, "tokens of a validation, always the same")
    prompt: str = option("", "what the samples go on from", shows="TEXT")
