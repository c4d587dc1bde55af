"""What the tests of `gptengine tokenizer` share."""

from gptengine.cli.main import main

TEXT = "Die Hausaufgaben sind im Haus, die Aufgaben sind auf dem Tisch.\n" * 300


def tokenizer(*args):
    """The exit code of `gptengine tokenizer` with these arguments."""
    return main(["tokenizer", *map(str, args)])


def error(capsys):
    """The one line of an error, of a command that said nothing else."""
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("gptengine: error: ") and err.count("\n") == 1
    return err
