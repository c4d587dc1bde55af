"""What a run is going to be, said before its first step: sizes, memory and time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from gptengine.train.log import duration

PEAK_SECONDS = 0.3  # to spend on measuring the machine
PROBE_SECONDS = 4.0  # a micro-step that would take longer is not tried but estimated
USUAL_SHARE = 0.6  # of the measured peak, for such an estimate
MANY_EPOCHS = 10  # repeated text soon teaches little (Muennighoff et al. 2023, arXiv:2305.16264)


def measured_peak(model) -> float | None:
    """FLOP/s that this machine reaches in the dtype of a model on the CPU; None elsewhere."""
    if model.device != "cpu":
        return None
    from gptengine import _core

    return _core.peak_flops(model.dtype, _core.threads(), PEAK_SECONDS)


def step_seconds(model, batch: int, context: int, accumulate: int, peak: float | None) -> float:
    """Seconds that an optimizer step will take, from one micro-step on made-up tokens.

    Leaves weights and optimizer as they were. All gradients are zero afterwards.
    """
    model.zero_grad()
    flops = model.flops_per_token(context) * batch * context
    if peak and flops / peak > PROBE_SECONDS * USUAL_SHARE:
        return accumulate * flops / (USUAL_SHARE * peak)
    tokens = np.arange(batch * context, dtype=np.int32).reshape(batch, context)
    tokens %= model.config.vocab_size
    dlogp = np.zeros(batch * context, np.float32)
    for _ in range(2):  # the first touches the memory
        begin = time.perf_counter()
        model.forward_backward(tokens, tokens, dlogp)
        seconds = time.perf_counter() - begin
    model.zero_grad()
    return accumulate * seconds


def isa(model) -> str | None:
    """The instruction set that a model on the CPU runs on: it decides about the last bits."""
    if model.device != "cpu":
        return None
    from gptengine import _core

    return _core.isa()


def run_memory(model, c, context: int) -> dict[str, int]:
    """Bytes by purpose of a run; without samples nothing is decoded."""
    memory = model.memory(c.batch * context)
    if not c.sample_every:
        memory.pop("decoding", None)
    return memory


def available_memory(root=Path("/")) -> int | None:
    """Bytes that this process could still get without swapping; None where no system says it.

    The least of what the machine has and what the limits of the process's cgroups leave.
    """
    root = Path(root)
    free = _number(root / "proc/meminfo", "MemAvailable:")
    return min([*_cgroups_leave(root), *([] if free is None else [1024 * free])], default=None)


def _cgroups_leave(root: Path) -> Iterator[int]:
    """What each limited cgroup of this process and above it leaves, in versions 2 and 1.

    The cache of files that were not used lately is given back on demand, so it counts as free.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, name = line.split(":", 2)
        top, limit, used, cache = "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"
        if "memory" in controllers.split(","):
            top += "/memory"
            limit, used = "memory.limit_in_bytes", "memory.usage_in_bytes"
            cache = "total_inactive_file"
        elif number != "0":
            continue
        folder = PurePosixPath(name.lstrip("/"))
        for group in (folder, *folder.parents):
            at = root / top / group
            most, now = _number(at / limit), _number(at / used)
            if most is not None and now is not None:
                yield max(0, most - now + (_number(at / "memory.stat", cache) or 0))


def _number(path: Path, name: str | None = None) -> int | None:
    """The number in a file of the kernel, or the one after a name; None if there is none."""
    try:
        words = path.read_text().split()
        return int(words[words.index(name) + 1 if name else 0])
    except (OSError, ValueError, IndexError):
        return None


def check_memory(memory: dict[str, int], device: str) -> None:
    """Refuse a plan that this machine has no memory for; what the engine holds already counts."""
    if device != "cpu":
        return
    from gptengine import _core

    available, planned = available_memory(), sum(memory.values())
    if available is not None and planned - _core.allocated_bytes() > available:
        raise ValueError(
            f"memory: the plan takes {planned / 1e6:,.0f} MB ("
            + ", ".join(f"{name} {size / 1e6:,.0f}" for name, size in memory.items())
            + f"), {available / 1e6:,.0f} MB are available: a smaller model, batch or context, or "
            "a higher recompute, takes less"
        )


def time_line(seconds: float, steps: int, limit: float) -> str:
    """limit: seconds that are left for all steps."""
    return f"{'time':8} about {duration(min(seconds * steps, limit))}, {seconds:.2g} s a step"


def count(n: int, what: str) -> str:
    """1 head, 6 heads."""
    return f"{n:,} {what}" + "s" * (n != 1)


def plan_lines(model, c, context: int, train, val, peak, first: int) -> list[str]:
    """The plan as lines of text. c: the PretrainConfig; first: the step to start at."""
    config, step_tokens = model.config, c.batch * c.accumulate * context
    total = c.steps * step_tokens
    epochs = total / train.tokens
    memory = run_memory(model, c, context)
    rate = f"{peak / 1e9:,.0f} GFLOP/s measured peak" if peak else "peak unknown"
    rows = {
        "model": f"{config.num_parameters:,} parameters: {count(config.layers, 'layer')} x "
        f"{config.model_dim}, {count(config.heads, 'head')}, vocabulary {config.vocab_size:,}",
        "data": f"{train.tokens:,} tokens to train on, {val.tokens if val else 0:,} held out, "
        f"{train.text_bytes / max(1, train.tokens):.2f} bytes a token",
        "steps": f"{c.steps:,} of {step_tokens:,} tokens ({c.batch} x {context} x {c.accumulate})",
        "tokens": f"{total:,}: {epochs:.1f} epochs, "
        f"{total / config.num_parameters:.1f} a parameter",
        "memory": f"{sum(memory.values()) / 1e6:,.0f} MB: "
        + ", ".join(f"{name} {size / 1e6:,.0f}" for name, size in memory.items()),
        "machine": f"{model.device}, {model.dtype}, {rate}",
    }
    if epochs > MANY_EPOCHS:
        rows["note"] = f"the text is read {epochs:,.0f} times over: with more text or fewer steps "
        rows["note"] += "the model would do better on other text"
    if first:
        rows["resume"] = f"at step {first:,} of {c.steps:,}"
    return [f"{name:8} {text}" for name, text in rows.items()]
