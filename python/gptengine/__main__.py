"""`gptengine` and `python -m gptengine`; Ctrl-C before a command runs ends them at once.

There is nothing to put away then, and packages that are being imported turn a KeyboardInterrupt
into an error of their own, or lose it.
"""

import importlib
import os
import signal
import sys

BEFORE = signal.getsignal(signal.SIGINT)
if BEFORE is signal.default_int_handler:  # not ignored, as in the background of a script
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))


def main() -> int:
    from gptengine.cli.main import main

    return main(ready=ready)


def ready() -> None:
    importlib.import_module("numpy")  # some commands do so later
    signal.signal(signal.SIGINT, BEFORE or signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
