"""Text from tokens as they come, which ends before the first of some stop strings."""

from __future__ import annotations

from collections.abc import Sequence


class TextStream:
    """Turns ids into text; nothing that may begin a stop string is given before that is decided.

    A stop string counts wherever it lies, also across the borders of tokens.
    """

    def __init__(self, tokenizer, stop: Sequence[str] = (), after: Sequence[int] = ()):
        """after: the ids that stand before, which may begin a character or decide about a space."""
        self._decoder = tokenizer.stream_decoder(after)
        self._stop = tuple(stop)
        self._held = ""
        self.stopped = False  # whether a stop string came: then no text follows

    def push(self, token: int) -> str:
        """The text that is certain after one more id."""
        return self._add(self._decoder.push(token))

    def flush(self) -> str:
        """What was held back, at the end."""
        text = self._add(self._decoder.flush())
        if not self.stopped:
            text, self._held = text + self._held, ""
        return text

    def _add(self, text: str) -> str:
        if self.stopped:
            return ""
        text = self._held + text
        found = [(at + len(stop), at) for stop in self._stop if (at := text.find(stop)) >= 0]
        if found:  # the one that is complete first, as if the text had come letter by letter
            self.stopped, self._held = True, ""
            return text[: min(found)[1]]
        keep = max((_overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _overlap(text: str, stop: str) -> int:
    """The length of the longest end of the text that begins the stop string."""
    for n in range(min(len(text), len(stop) - 1), 0, -1):
        if stop.startswith(text[-n:]):
            return n
    return 0
