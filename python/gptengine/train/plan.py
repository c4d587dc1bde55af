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


def measured_peak(model) -> float | None:
    """FLOP/s that this machine reaches in the dtype of a model on the CPU; None elsewhere."""
    if model.device != "cpu":
        return None
    from gptengine import _core

    return _core.peak_flops(model.dtype, _core.threads(), PEAK_SECONDS)


def step_seconds(model, batch, count: int, context: int, peak: float | None) -> float:
    """Seconds that an optimizer step of `count` such batches will take, from trying one.

    Leaves weights and optimizer as they were. All gradients are zero afterwards.
    """
    model.zero_grad()
    flops = model.flops_per_token(context) * batch.targets.size
    if peak and flops / peak > PROBE_SECONDS * USUAL_SHARE:
        return count * flops / (USUAL_SHARE * peak)
    dlogp = np.zeros(batch.targets.size, np.float32)
    for _ in range(2):  # the first touches the memory
        begin = time.perf_counter()
        model.forward_backward(batch.tokens, batch.targets, dlogp, batch.segments)
        seconds = time.perf_counter() - begin
    model.zero_grad()
    return count * seconds


def isa(model) -> str | None:
    """The instruction set that a model on the CPU runs on: it decides about the last bits."""
    if model.device != "cpu":
        return None
    from gptengine import _core

    return _core.isa()


def run_memory(model, tokens: int, samples: bool) -> dict[str, int]:
    """Bytes by purpose of a run with micro-steps of so many tokens; without samples none decode."""
    memory = model.memory(tokens)
    if not samples:
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


def model_line(config) -> str:
    return (
        f"{config.num_parameters:,} parameters: {count(config.layers, 'layer')} x "
        f"{config.model_dim}, {count(config.heads, 'head')}, vocabulary {config.vocab_size:,}"
    )


def machine_line(model, peak: float | None) -> str:
    rate = f"{peak / 1e9:,.0f} GFLOP/s measured peak" if peak else "peak unknown"
    return f"{model.device}, {model.dtype}, {rate}"
