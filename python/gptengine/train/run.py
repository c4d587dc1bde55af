"""What every trainer does around its loop: settings in, checks, a finished run out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run: its folder, its best model's folder, and where it ended."""

    out: Path
    best: Path
    steps: int
    loss: float  # nats a token, of the last step
    val_loss: float | None  # nats a token, over what is held out
    val_bpb: float | None  # bits a byte, over held-out text
    seconds: float  # of training, over all resumes


def finished(out, records: Iterable[dict]) -> Run:
    """The run that a loop's records tell of, read to their end."""
    last: dict = {}
    for record in records:
        last |= record
    keys = ("loss", "val_loss", "val_bpb", "elapsed")
    loss, val_loss, val_bpb, seconds = (last.get(key) for key in keys)
    return Run(Path(out), Path(out) / "best", last["step"], loss, val_loss, val_bpb, seconds)


def changed(config, settings: dict):
    """A trainer's config with some fields changed; ValueError names one that it does not have."""
    known = {f.name for f in dataclasses.fields(config)}
    for name in settings.keys() - known:
        raise ValueError(
            f"{config.NAME}: unknown setting {name!r}; known: {', '.join(sorted(known))}"
        )
    return dataclasses.replace(config, **settings)


def checked_context(name: str, model, tok, context: int) -> int:
    """The tokens of a sequence, 0 for as many as the model has, where model and tokenizer fit."""
    longest, vocabulary = model.config.context_length, model.config.vocab_size
    if context > longest:
        raise ValueError(
            f"{name}: context {context} is longer than the model's context_length {longest}"
        )
    if tok.vocab_size > vocabulary:
        raise ValueError(
            f"{name}: the tokenizer has {tok.vocab_size} tokens, the model's vocabulary only "
            f"{vocabulary}"
        )
    return context or longest
