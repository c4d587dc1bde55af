"""Text from ids as they come."""

import numpy as np

from gptengine import _core

WAITING = 3  # bytes, and so tokens, that may wait for the rest of their character


class StreamDecoder:
    """Turns ids into text as they come, and never gives half a character.

    The pieces joined, with flush() at the end, equal Tokenizer.decode of all ids; with `after`,
    they are what that gives of these ids too, from the first character on that `after` does not
    complete.
    """

    def __init__(self, tokenizer, after=()):
        self._tokenizer = tokenizer
        self._core = _core.StreamDecoder()
        self.push(after[-WAITING:])  # their text is there: what counts is how they end

    def push(self, ids):
        """The text that is complete after one more id, or after several."""
        if isinstance(ids, int) and -(1 << 63) <= ids < 1 << 63:
            return self._core.push_id(self._tokenizer._core, ids)
        ids = [ids] if np.ndim(ids) == 0 else ids
        return self._core.push_ids(self._tokenizer._core, self._tokenizer._checked(ids))

    def flush(self):
        """U+FFFD if the ids ended inside a character, else an empty str."""
        return self._core.flush()
