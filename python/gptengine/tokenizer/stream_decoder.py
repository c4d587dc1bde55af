"""Text from ids as they come."""

import numpy as np

from gptengine import _core


class StreamDecoder:
    """Turns ids into text as they come, and never gives half a character.

    The pieces joined, with flush() at the end, equal Tokenizer.decode of all ids.
    """

    def __init__(self, tokenizer, after=()):
        self._tokenizer = tokenizer
        self._core = _core.StreamDecoder()
        if len(after):
            self._core.fresh = tokenizer._core.restarts(int(tokenizer._checked(after[-1:])[0]))

    def push(self, ids):
        """The text that is complete after one more id, or after several."""
        if isinstance(ids, int) and -(1 << 63) <= ids < 1 << 63:
            return self._core.push_id(self._tokenizer._core, ids)
        ids = [ids] if np.ndim(ids) == 0 else ids
        return self._core.push_ids(self._tokenizer._core, self._tokenizer._checked(ids))

    def flush(self):
        """U+FFFD if the ids ended inside a character, else an empty str."""
        return self._core.flush()
