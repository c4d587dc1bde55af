"""What this machine is and what the engine makes of it.

gptengine doctor            # a table
gptengine doctor --json     # the same for programs and for bug reports
"""

import dataclasses
import json as json_text
import math
import os
import platform
from importlib import metadata
from pathlib import Path

from . import __version__
from .options import option

THP = Path("/sys/kernel/mm/transparent_hugepage/enabled")
MEMORY = Path("/proc/meminfo")
PACKAGES = ("numpy", "safetensors", "tyro", "rich")


@dataclasses.dataclass(frozen=True)
class DoctorConfig:
    """Show the machine, its measured peaks, and what the engine uses of it."""

    json: bool = option(False, "print JSON instead of a table")
    seconds: float = option(0.5, "time to spend on each measured peak")

    def __post_init__(self):
        if not 0 < self.seconds <= 60:
            raise ValueError(f"doctor: seconds {self.seconds} must be more than 0 and at most 60")


def examine(seconds=0.5):
    """All findings: a dict of sections, each a dict of names and plain values."""
    from . import _core

    return {
        "machine": _machine(_core),
        "engine": {
            "instruction set": _core.isa(),
            "available": _core.isas(),
            "threads": _core.threads(),
            "granted threads": _core.available_threads(),
            "large pages": _huge_pages(),
            "cuda": _core.cuda_unavailable() or "available",
        },
        "measured peaks": _peaks(_core, seconds),
        "versions": _versions(_core),
    }


def _machine(core):
    facts = {"processor": core.cpu_name(), "system": f"{platform.system()} {platform.machine()}"}
    facts["processors"] = os.cpu_count()
    if hasattr(os, "sched_getaffinity"):
        facts["allowed processors"] = len(os.sched_getaffinity(0))
    if quota := core.cgroup_cpus():
        facts["cgroup quota"] = round(quota, 2)
    return facts | memory(MEMORY)


def memory(path):
    """Total and available memory in GiB, where the system says."""
    try:
        lines = dict(line.split(":") for line in path.read_text().splitlines())
    except (OSError, ValueError):
        return {}
    names = {"memory GiB": "MemTotal", "memory available GiB": "MemAvailable"}
    return {
        name: round(int(lines[key].split()[0]) / 2**20, 1)
        for name, key in names.items()
        if key in lines
    }


def _huge_pages():
    """The kernel's mode; the engine asks for large pages itself, so `madvise` is enough."""
    try:
        text = THP.read_text()
    except OSError:
        return "not offered by this system"
    mode = text[text.find("[") + 1 : text.find("]")]
    return {"never": "never (slower: memory-bound work loses up to 40 %)"}.get(mode, mode)


def _peaks(core, seconds):
    """Peaks of one thread and of all, as far as this engine can measure them."""
    peaks = {}
    for threads in sorted({1, core.threads()}):
        words = f"{threads} thread" + "s" * (threads > 1)
        for dtype in "float32", "bfloat16":
            flops = core.peak_flops(dtype, threads, seconds)
            peaks[f"{dtype} GFLOP/s, {words}"] = _rounded(flops / 1e9)
        bytes_a_second = core.memory_bandwidth(threads, seconds)
        peaks[f"memory GB/s, {words}"] = _rounded(bytes_a_second / 1e9)
    return peaks


def _rounded(value):
    """Three significant digits: the fourth changes from run to run."""
    return float(f"{value:.3g}") if math.isfinite(value) else 0.0


def _versions(core):
    found = {"gptengine": __version__, "python": platform.python_version()}
    return found | {name: _version(name) for name in PACKAGES} | {"compiler": core.compiler}


def _version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def show(findings, console=None):
    """Print the findings as a table, a block a section."""
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for i, (section, facts) in enumerate(findings.items()):
        if i:
            table.add_row("", "")
        table.add_row(f"[bold]{section}[/bold]", "")
        for name, value in facts.items():
            text = ", ".join(value) if isinstance(value, list) else str(value)
            table.add_row(f"  {name}", text, end_section=False)
    (console or Console()).print(table)


def main(config):
    findings = examine(config.seconds)
    if config.json:
        print(json_text.dumps(findings, indent=2, ensure_ascii=False))
    else:
        show(findings)
