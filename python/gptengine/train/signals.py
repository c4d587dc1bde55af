"""Ctrl-C and SIGTERM as a question that a loop asks, so that it can save before it ends."""

import signal
import threading


class StopSignals:
    """A context in which the first SIGINT or SIGTERM is only noted, in `received`.

    A second Ctrl-C interrupts at once. Outside the main thread signals stay as they are. Between
    `release` and `hold` signals do what they did before the context.
    """

    def __init__(self):
        self.received = None
        self._before = {}

    def __enter__(self):
        self.hold()
        return self

    def __exit__(self, *_):
        self.release()

    def hold(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)

    def release(self):
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _note(self, number, frame):
        self.received = number
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def note_closed_pipe(self):
        """The reader of what the loop prints has left: a reason to stop like a signal."""
        self.received = self.received or signal.SIGPIPE

    def end(self, message: str):
        """Raise what ends the program in the way that the signal asked for."""
        if self.received == signal.SIGINT:
            raise KeyboardInterrupt(message)
        raise SystemExit(128 + self.received)
