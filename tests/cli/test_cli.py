"""The command line: quick to start, errors in one line, exit code 2."""

import dataclasses
import signal
import subprocess
import sys

import pytest

from gptengine.cli import main as cli
from gptengine.options import option, parse


@dataclasses.dataclass(frozen=True)
class Options:
    """A command for the tests."""

    error: str = option("", "what goes wrong")


def command(config):
    if config.error == "value":
        raise ValueError("pretrain: steps 0\nmust be at least 1")
    if config.error == "file":
        raise FileNotFoundError(2, "No such file or directory", "x.txt")
    if config.error == "full":
        raise OSError(28, "No space left on device")
    if config.error == "interrupt":
        raise KeyboardInterrupt
    if config.error == "memory":
        raise MemoryError
    if config.error == "term":
        raise SystemExit(143)
    if config.error == "pipe":
        raise SystemExit(141)
    print("done")


@pytest.fixture(autouse=True)
def known_command(monkeypatch):
    module = type(sys)("cli_test_command")
    module.Options, module.main, module.EXAMPLES = Options, command, "  gptengine test --error x"
    monkeypatch.setitem(sys.modules, "cli_test_command", module)
    monkeypatch.setitem(cli.COMMANDS, "test", cli.Command("cli_test_command", "Options", "tests"))


def test_a_command_runs(capsys):
    assert cli.main(["test"]) == 0
    assert capsys.readouterr().out == "done\n"


@pytest.mark.parametrize(
    "args, code, says",
    [
        (["test", "--error", "value"], 2, "error: pretrain: steps 0 must be at least 1"),
        (["test", "--error", "file"], 2, "error: x.txt: no such file or directory"),
        (["test", "--error", "full"], 2, "error: no space left on device"),
        (["test", "--error", "memory"], 2, "error: out of memory"),
        (
            ["test", "--error", "interrupt"],
            130,
            "interrupted; again: gptengine test --error interrupt",
        ),
        (["test", "--error", "term"], 143, "interrupted; again: gptengine test --error term"),
        (["test", "--error", "pipe"], 141, "interrupted; again: gptengine test --error pipe"),
        (["tset"], 2, "unknown command 'tset'; did you mean test?"),
        (["xyzzy"], 2, "unknown command 'xyzzy'; commands: quickstart, curate, tokenizer"),
    ],
)
def test_errors_take_one_line(capsys, args, code, says):
    assert cli.main(args) == code
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and says in err


@pytest.mark.parametrize(
    "when, code, says",
    [
        ("import gptengine.__main__ as m; stop(); m.main()", 130, ""),
        ("import gptengine.__main__ as m; m.ready(); stop()", -signal.SIGINT, "KeyboardInterrupt"),
    ],
)
def test_ctrl_c_before_a_command_runs_says_nothing(when, code, says):
    stop = "import os, signal; stop = lambda: os.kill(os.getpid(), signal.SIGINT); "
    done = subprocess.run([sys.executable, "-c", stop + when], capture_output=True, text=True)
    assert done.returncode == code and done.stdout == ""
    assert done.stderr.strip().endswith(says) and bool(done.stderr) == bool(says)


def test_wrong_flags_exit_with_2(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["test", "--eror", "x"])
    assert stop.value.code == 2 and "--eror" in capsys.readouterr().err


def test_help_lists_commands_and_examples(capsys):
    assert cli.main([]) == 0
    assert "pretrain " in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        cli.main(["test", "--help"])
    out = capsys.readouterr().out
    assert stop.value.code == 0 and "what goes wrong" in out and "--error x" in out
    assert cli.main(["--version"]) == 0


def commands(group, words=()):
    for name, command in group.items():
        if isinstance(command, cli.Group):
            yield from commands(command.commands, (*words, name))
        elif name != "test":
            yield (*words, name)


@pytest.mark.parametrize("words", list(commands(cli.COMMANDS)), ids=" ".join)
def test_help_says_what_a_value_is(words, capsys):
    """No flag takes just any string, and every command but doctor has an example."""
    with pytest.raises(SystemExit) as stop:
        cli.main([*words, "--help"])
    said = capsys.readouterr().out
    assert stop.value.code == 0 and "STR" not in said and "(default: )" not in said
    assert f"  gptengine {' '.join(words)} " in said or words in (("doctor",), ("quickstart",))
    assert "{gpt2,smollm,cl100k,o200k,llama3,qwen2,tekken,words}" in said or words[-1] != "train"


def test_flags_that_are_given_again(capsys):
    @dataclasses.dataclass(frozen=True)
    class Values:
        """Two ways to give several values."""

        after: tuple[str, ...] = option((), "one after the other", shows="A")
        again: tuple[str, ...] = option((), "each with its flag", shows="N=I", repeated=True)

    args = ["--after", "a", "b", "--again", "x=1", "--again", "y=2"]
    assert parse(Values, args) == Values(("a", "b"), ("x=1", "y=2"))
    with pytest.raises(SystemExit):
        parse(Values, ["--help"])
    said = capsys.readouterr().out
    assert "--after [A ...]" in said and "--again N=I" in said


def test_starting_imports_little():
    """Neither NumPy nor tyro nor rich is paid for by `import gptengine` and `gptengine --help`."""
    code = (
        "import sys, gptengine, gptengine.cli.main as m; m.main(['--help']);"
        "print([n for n in ('numpy', 'tyro', 'rich', 'gptengine._core') if n in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines()[-1] == "[]"
