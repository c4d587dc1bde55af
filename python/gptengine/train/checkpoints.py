"""The checkpoints of a run: complete model folders with the training state beside the weights.

And its best model, with the score that makes it the best beside the weights.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from pathlib import Path

import numpy as np

from gptengine.checkpoint import (
    REPLACED,
    WEIGHTS,
    atomic_folder,
    load_folder,
    load_state,
    recover,
    save_state,
    write_folder,
)
from gptengine.files import atomic_write, read_json, write_json

STATE = "state.safetensors"
SCORE = "score.json"
KINDS = {  # what a state holds
    "step": int,
    "tokens": int,
    "optimizer_step": int,
    "settings": dict,
    "data": dict,
    "guard": {"loss": list, "norm": list, "broken": int},
    "best": (float, int, type(None)),
    "elapsed": (float, int),
    "aside": (float, int),
    "finished": bool,
    "isa": (str, type(None)),
    "last": dict,
}


def checkpoints(out) -> list[Path]:
    """The complete checkpoints of a run, oldest first."""
    return sorted(p for p in (Path(out) / "checkpoints").glob("step-*") if (p / STATE).is_file())


def save_checkpoint(out, step: int, model, tok, metadata: dict, keep: int) -> Path:
    """Write `checkpoints/step-...` and delete all but the newest `keep`.

    The weights are float32 whatever the model computes in, so they are the master weights and
    nothing is stored twice.
    """
    folder = Path(out) / "checkpoints" / f"step-{step:08d}"
    if folder in checkpoints(out):
        return folder  # the same step of the same run has the same bits
    state = model.optimizer_state()
    arrays = {
        f"{moment}.{name}": array
        for moment in ("exp_avg", "exp_avg_sq")
        for name, array in state[moment].items()
    }
    with atomic_folder(folder) as partial:
        write_folder(partial, model.config, model.parameters(), tok)
        save_state(partial / STATE, arrays, {**metadata, "optimizer_step": state["step"]})
    for old in checkpoints(out)[:-keep]:
        remove(old)
    return folder


def load_checkpoint(folder, model) -> None:
    """Put a checkpoint's weights and optimizer state into `model`."""
    config, params = load_folder(folder)
    if config != model.config:
        ours, theirs = model.config.to_dict(), config.to_dict()
        name = next(n for n in ours if ours[n] != theirs[n])
        raise ValueError(f"{folder}: {name} is {theirs[name]} there, the model has {ours[name]}")
    metadata = read_metadata(folder)
    arrays, _ = load_state(Path(folder) / STATE)
    moments: dict = {"exp_avg": {}, "exp_avg_sq": {}}
    for moment, values in moments.items():
        for name, param in params.items():
            array = arrays.get(f"{moment}.{name}")
            if array is None or array.shape != param.shape:
                found = "missing" if array is None else f"of shape {array.shape}"
                raise ValueError(
                    f"{Path(folder) / STATE}: {moment}.{name} is {found}, its parameter has shape "
                    f"{param.shape}"
                )
            values[name] = array
    model.set_parameters(params)
    model.load_optimizer_state({**moments, "step": metadata["optimizer_step"]})


def read_metadata(folder) -> dict:
    """The dictionary that `save_checkpoint` was given, and the optimizer's step; checked."""
    path = Path(folder) / STATE
    metadata = load_state(path)[1]
    check_kinds(metadata, KINDS, path)
    return metadata


def check_kinds(values: dict, kinds: dict, where) -> None:
    """Refuse a state that lacks one of `kinds`, or has another kind of it."""
    for name, kind in kinds.items():
        if name not in values:
            raise ValueError(
                f"{where}: {name!r} is missing: another version or program wrote it, this one "
                f"cannot go on from it"
            )
        if not isinstance(values[name], dict if isinstance(kind, dict) else kind):
            raise ValueError(f"{where}: {name!r} is {values[name]!r}: damaged")
        if isinstance(kind, dict):
            check_kinds(values[name], kind, f"{where}: {name}")


def save_best(out, model, tok, score: dict) -> None:
    """Write the folder `best` of a run and, in the same single step, its score."""
    with atomic_folder(Path(out) / "best", REPLACED) as partial:
        write_folder(partial, model.config, model.parameters(), tok)
        write_json(partial / SCORE, score)


def save_broken(out, step: int, batches) -> Path:
    """Keep the batches of a step whose loss was no number, to be looked at: an .npz."""
    arrays = {
        f"{i}.{name}": array
        for i, batch in enumerate(batches)
        for name, array in batch._asdict().items()
        if array is not None
    }
    data = io.BytesIO()
    np.savez(data, **arrays)
    path = Path(out) / f"broken-{step:08d}.npz"
    atomic_write(path, data.getvalue())
    return path


def read_score(out) -> dict | None:
    """The score that `save_best` was given; None without a best model, {} without its score."""
    best = Path(out) / "best"
    recover(best)
    if not (best / WEIGHTS).is_file():
        return None
    return read_json(best / SCORE) if (best / SCORE).is_file() else {}


def remove(folder) -> None:
    """Delete a checkpoint; a kill in between leaves no half of one that looks whole."""
    folder = Path(folder)
    doomed = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        os.rename(folder, doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def remove_leftovers(out) -> None:
    """Delete what killed processes left unfinished among the checkpoints; nobody else writes."""
    for path in (Path(out) / "checkpoints").glob(".step-*"):
        shutil.rmtree(path, ignore_errors=True)
