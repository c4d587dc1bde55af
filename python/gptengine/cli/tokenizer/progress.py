"""How far some work is: a live line, or now and then a line where nobody watches."""

from __future__ import annotations

import time

EARLY = 0.02  # share of the work from which on it tells how long the rest takes
FIRST_SECONDS = 0.5  # of work about which nothing is said
PLAIN_SECONDS = 5.0  # between two lines where there is no terminal


class Progress:
    """A line on a console that the next one replaces."""

    def __init__(self, console):
        self.console, self._live = console, None

    def __enter__(self):
        self.begin = self.last = time.perf_counter()
        return self

    def __exit__(self, *_):
        if self._live:
            self._live.stop()

    def show(self, line) -> None:
        """Show what the function `line` returns, if it is time to."""
        now = time.perf_counter()
        if now - self.begin < FIRST_SECONDS:
            return
        if self.console.is_terminal:
            from rich.text import Text

            self._started().update(Text(line(), overflow="ellipsis", no_wrap=True))
        elif now - self.last >= PLAIN_SECONDS:
            from gptengine.train.log import say

            self.last = now
            say(self.console, line())

    def _started(self):
        from rich.live import Live

        if not self._live:
            self._live = Live(console=self.console, refresh_per_second=8, transient=True)
            self._live.start()
        return self._live


def time_left(seconds: float, done: int, total: int) -> str:
    """What a line ends with, when `done` of `total` took so many seconds."""
    from gptengine.train.log import duration

    if done < EARLY * total:
        return ""
    return f", {duration(seconds / max(1, done) * (total - done))} left"
