"""How far a command is: a live line, or now and then one where nobody watches."""

from __future__ import annotations

import time

PLAIN_SECONDS = 5.0  # between two lines of progress where there is no terminal


class Progress:
    """Shows the newest of what it is told, while a `with` block lasts."""

    def __init__(self, console):
        self.console, self._live, self._last = console, None, time.perf_counter()

    def __enter__(self):
        if self.console.is_terminal:
            from rich.live import Live

            self._live = Live(console=self.console, refresh_per_second=8, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_):
        if self._live:
            self._live.stop()

    def show(self, text: str) -> None:
        from gptengine.train.log import say

        if self._live:
            from rich.text import Text

            self._live.update(Text(text, overflow="ellipsis", no_wrap=True))
        elif time.perf_counter() - self._last >= PLAIN_SECONDS:
            self._last = time.perf_counter()
            say(self.console, text)

    def phase(self, name: str):
        """What is called with the bytes that are done, and with all of them."""
        return lambda done, total: self.show(f"{name}  {done / 1e6:,.0f} of {total / 1e6:,.0f} MB")
