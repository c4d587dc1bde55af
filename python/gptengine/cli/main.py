"""`gptengine COMMAND`: finds the command, reads its flags, and says errors in one line.

A command is a module with a frozen dataclass of options and `main(config)`; it is imported only
when it is called, so `gptengine --help` is quick.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import shlex
import signal
import sys
import threading
from collections.abc import Callable
from typing import NamedTuple


class Command(NamedTuple):
    module: str
    config: str  # name of its dataclass
    summary: str
    goes_on: bool = False  # whether it takes up again what was interrupted


class Group(NamedTuple):
    commands: dict[str, Command]
    summary: str


SUMMARY = "train, align and serve your own GPT on the machine that you have"
TOKENIZER = {
    "train": Command(
        "gptengine.cli.tokenizer.train", "TrainCommand", "learn a vocabulary from text"
    ),
    "encode": Command(
        "gptengine.cli.tokenizer.encode", "EncodeCommand", "turn text into token ids"
    ),
    "decode": Command(
        "gptengine.cli.tokenizer.decode", "DecodeCommand", "turn token ids back into text"
    ),
    "convert": Command(
        "gptengine.cli.tokenizer.convert", "ConvertCommand", "write a tokenizer in another format"
    ),
    "inspect": Command(
        "gptengine.cli.tokenizer.inspect", "InspectCommand", "look at tokens, merges and languages"
    ),
    "compare": Command(
        "gptengine.cli.tokenizer.compare", "CompareCommand", "put two tokenizers side by side"
    ),
}
CURATE = {
    "run": Command(
        "gptengine.cli.curate.run",
        "RunCommand",
        "read, clean, filter and compare texts",
        goes_on=True,
    ),
    "plan": Command(
        "gptengine.cli.curate.plan", "PlanCommand", "show what a recipe means, without doing it"
    ),
    "report": Command(
        "gptengine.cli.curate.report", "ReportCommand", "show what was kept and dropped, and why"
    ),
    "explain": Command(
        "gptengine.cli.curate.explain", "ExplainCommand", "follow one document through all rules"
    ),
    "mix": Command(
        "gptengine.cli.curate.mix", "MixCommand", "make token blocks in the mixture of a recipe"
    ),
}
COMMANDS = {
    "quickstart": Command(
        "gptengine.quickstart",
        "QuickstartConfig",
        "train a small GPT in minutes and let it write",
        goes_on=True,
    ),
    "curate": Group(CURATE, "turn crawls and collections into texts worth training on"),
    "tokenizer": Group(TOKENIZER, "learn a vocabulary, use it, look at it"),
    "pretrain": Command(
        "gptengine.cli.pretrain",
        "PretrainCommand",
        "train a GPT on text, from nothing",
        goes_on=True,
    ),
    "sft": Command("gptengine.cli.sft", "SftCommand", "teach a model to answer, by conversations"),
    "generate": Command(
        "gptengine.cli.generate", "GenerateCommand", "let a model go on with a text"
    ),
    "eval": Command(
        "gptengine.cli.eval", "EvalCommand", "measure a model on text, also in 8 or 4 bits a weight"
    ),
    "convert": Command(
        "gptengine.cli.convert", "ConvertCommand", "turn a model into a folder or a .gguf file"
    ),
    "inspect": Command(
        "gptengine.cli.inspect", "InspectCommand", "look inside a model: attention, words, guesses"
    ),
    "doctor": Command(
        "gptengine.doctor", "DoctorConfig", "show this machine and what the engine makes of it"
    ),
}


def main(args: list[str] | None = None, ready: Callable = lambda: None) -> int:
    """Run the command line `args` (sys.argv's, if None) and return the exit code.

    ready is called when a command is imported and its flags are read, before it runs.
    """
    args = sys.argv[1:] if args is None else list(args)
    if args[:1] == ["--version"]:
        from gptengine import __version__

        print(f"gptengine {__version__}")
        return 0
    command, words = Group(COMMANDS, SUMMARY), ["gptengine"]
    while isinstance(command, Group):
        name = args[len(words) - 1] if len(args) >= len(words) else "--help"
        if name in ("-h", "--help"):
            print(usage(command, words))
            return 0
        if name not in command.commands:
            near = difflib.get_close_matches(name, command.commands, 1)
            known = ", ".join(command.commands)
            hint = f"did you mean {near[0]}?" if near else f"commands: {known}"
            return fail(f"unknown command {' '.join([*words[1:], name])!r}; {hint}")
        command = command.commands[name]
        words.append(name)
    try:
        with termination_raised():
            return run(command, words, args[len(words) - 1 :], ready)
    except (ValueError, OSError, MemoryError) as error:
        if isinstance(error, BrokenPipeError):  # the reader of our output has left
            from gptengine.train.log import silence

            silence(sys.stdout)
            return 141
        return fail(reason(error))
    except KeyboardInterrupt:
        return interrupted(command, args, 130)
    except SystemExit as stop:
        if stop.code in (141, 143):  # a closed pipe, SIGTERM
            return interrupted(command, args, stop.code)
        raise


def run(command: Command, words: list[str], args: list[str], ready: Callable) -> int:
    """Read a command's flags and run it."""
    from gptengine.options import parse

    module = importlib.import_module(command.module)
    examples = getattr(module, "EXAMPLES", "")
    config = parse(getattr(module, command.config), args, " ".join(words), examples)
    ready()
    return module.main(config) or 0


@contextlib.contextmanager
def termination_raised():
    """SIGTERM ends what runs as Ctrl-C does, so that nothing half-written stays behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number, frame):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends at once
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def usage(group: Group, words: list[str]) -> str:
    width = max(map(len, group.commands))
    lines = [f"  {name:{width}}  {c.summary}" for name, c in group.commands.items()]
    return "\n".join(
        [
            f"usage: {' '.join(words)} COMMAND [OPTIONS]",
            "",
            f"{group.summary[0].upper()}{group.summary[1:]}.",
            "",
            *lines,
            "",
            f"{' '.join(words)} COMMAND --help shows a command's options and examples.",
        ]
    )


def reason(error: Exception) -> str:
    """What an error says, without the number that a system's error starts with."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: " * bool(error.filename) + error.strerror.lower()
    return str(error) or "out of memory"


def fail(message: str) -> int:
    """Say an error in one line of stderr; the exit code for wrong input."""
    print(f"gptengine: error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def interrupted(command: Command, args: list[str], code: int) -> int:
    from gptengine.train.log import warn

    how = "to go on" if command.goes_on else "again"
    warn(f"interrupted; {how}: gptengine {shlex.join(args)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
