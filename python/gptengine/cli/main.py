"""`gptengine COMMAND`: finds the command, reads its flags, and says errors in one line.

A command is a module with a frozen dataclass of options and `main(config)`; it is imported only
when it is called, so `gptengine --help` is quick.
"""

from __future__ import annotations

import difflib
import importlib
import shlex
import sys
from typing import NamedTuple


class Command(NamedTuple):
    module: str
    config: str  # name of its dataclass
    summary: str


COMMANDS = {
    "quickstart": Command(
        "gptengine.quickstart", "QuickstartConfig", "train a small GPT in minutes and let it write"
    ),
    "pretrain": Command(
        "gptengine.cli.pretrain", "PretrainCommand", "train a GPT on text, from nothing"
    ),
    "generate": Command(
        "gptengine.cli.generate", "GenerateCommand", "let a model go on with a text"
    ),
    "doctor": Command(
        "gptengine.doctor", "DoctorConfig", "show this machine and what the engine makes of it"
    ),
}


def main(args: list[str] | None = None) -> int:
    """Run the command line `args` (sys.argv's, if None) and return the exit code."""
    args = sys.argv[1:] if args is None else list(args)
    if not args or args[0] in ("-h", "--help"):
        print(usage())
        return 0
    if args[0] == "--version":
        from gptengine import __version__

        print(f"gptengine {__version__}")
        return 0
    name = args[0]
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean {near[0]}?" if near else f"commands: {', '.join(COMMANDS)}"
        return fail(f"unknown command {name!r}; {hint}")
    try:
        return run(name, args[1:])
    except (ValueError, OSError, MemoryError) as error:
        if isinstance(error, BrokenPipeError):  # the reader of our output has left
            from gptengine.train.log import silence

            silence(sys.stdout)
            return 141
        return fail(reason(error))
    except KeyboardInterrupt:
        return interrupted(args, 130)
    except SystemExit as stop:
        if stop.code in (141, 143):  # a closed pipe, SIGTERM
            return interrupted(args, stop.code)
        raise


def run(name: str, args: list[str]) -> int:
    """Read a command's flags and run it."""
    from gptengine.options import parse

    command = COMMANDS[name]
    module = importlib.import_module(command.module)
    examples = getattr(module, "EXAMPLES", "")
    config = parse(getattr(module, command.config), args, f"gptengine {name}", examples)
    return module.main(config) or 0


def usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: gptengine COMMAND [OPTIONS]",
            "",
            "Train, align and serve your own GPT on the machine that you have.",
            "",
            *lines,
            "",
            "gptengine COMMAND --help shows a command's options and examples.",
        ]
    )


def reason(error: Exception) -> str:
    """What an error says, without the number that a system's error starts with."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror.lower()}"
    return str(error) or "out of memory"


def fail(message: str) -> int:
    """Say an error in one line of stderr; the exit code for wrong input."""
    print(f"gptengine: error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def interrupted(args: list[str], code: int) -> int:
    from gptengine.train.log import warn

    warn(f"interrupted; to go on: gptengine {shlex.join(args)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
