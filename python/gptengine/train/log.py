"""What a run tells: `run.jsonl`, one JSON object a line, and a live line in the terminal."""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from pathlib import Path

from gptengine.files import atomic_write, explained, read_log

PLAIN_LINES = 20  # how many progress lines a run prints where there is no terminal
UNUSUAL = 3.0  # sigmas from its recent past, from which on a value's z-score is shown


class RunLog:
    """Appends records to a file. A crash loses at most the line that was being written."""

    def __init__(self, path, resume_at: int = 0):
        """Open the log; records of steps after `resume_at` are dropped: they come again."""
        self.path = Path(path)
        kept = [r for r in read_log(self.path) if r.get("step", 0) <= resume_at]
        atomic_write(self.path, "".join(map(_line, kept)).encode())
        # without a buffer: what a full disk refused is not tried again on closing
        self._file = open(self.path, "ab", buffering=0)

    def write(self, **record) -> dict:
        line = _line(record).encode()
        with explained(self.path):
            while line:
                line = line[self._file.write(line) :]
        return record

    def close(self) -> None:
        self._file.close()


def _line(record: dict) -> str:
    # JSON has no word for what is not finite
    known = {k: None if v in (math.inf, -math.inf) or v != v else v for k, v in record.items()}
    return json.dumps(known, ensure_ascii=False) + "\n"


class Display:
    """The newest step in one live line; plain lines, fewer of them, where nobody watches."""

    def __init__(self, console, steps: int, closed=lambda: None):
        """closed: called when nobody reads the output any more."""
        self.console, self.steps, self.closed, self._live = console, steps, closed, None
        self._every = max(1, steps // PLAIN_LINES)

    def __enter__(self):
        if self.console.is_terminal:
            from rich.live import Live

            self._live = Live(console=self.console, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(self, *_):
        if self._live:
            self._live.stop()

    def step(self, record: dict, seconds_left: float) -> None:
        text = progress_line(record, self.steps, seconds_left)
        if self._live:
            from rich.text import Text

            self._live.update(Text(text, overflow="ellipsis", no_wrap=True))
        elif record["step"] == 1 or record["step"] % self._every == 0:
            self.say(text)

    def say(self, text: str) -> None:
        """A line that stays."""
        try:
            say(self.console, text)
        except (BrokenPipeError, SystemExit):  # rich makes the one the other
            silence(self.console.file)
            self.closed()


def say(console, text: str) -> None:
    """Print a line as it is: no markup in it is obeyed, no break is added."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def warn(text: str) -> None:
    """Print a line to stderr, where somebody reads it."""
    try:
        print(text, file=sys.stderr, flush=True)
    except BrokenPipeError:
        silence(sys.stderr)


def silence(file) -> None:
    """Let what is written to a closed pipe go nowhere, also what waits in its buffer."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())


def progress_line(record: dict, steps: int, seconds_left: float) -> str:
    parts = [
        f"step {record['step']}/{steps}",
        f"loss {record['loss']:.4f}{_unusual(record['loss_z'])}",
        f"norm {record['grad_norm']:.2f}{_unusual(record['norm_z'])}",
        f"{record['tokens_per_second']:,.0f} tok/s",
    ]
    if record.get("mfu") is not None:
        parts.append(f"{record['mfu']:.0%} of peak")
    parts += [f"{record['memory'] / 1e6:,.0f} MB", f"{duration(seconds_left)} left"]
    if record["skipped"]:
        parts.append("skipped")
    return " | ".join(parts)


def _unusual(z: float) -> str:
    return f" (z {z:+.1f})" if abs(z) >= UNUSUAL else ""


def duration(seconds: float) -> str:
    """Seconds as people say them: 42s, 3m 20s, 2h 05m."""
    if not math.isfinite(seconds):
        return "?"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h {minutes:02d}m"
    return f"{minutes}m {seconds:02d}s" if minutes else f"{seconds}s"


def memory_now() -> int:
    """Bytes of memory that this process holds; its highest where the system tells only that."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
