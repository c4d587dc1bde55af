"""What README.md shows works."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TOY = {
    "vocab_size=8192": "vocab_size=300",
    "context_length=256, layers=6, heads=6, model_dim=384": "context_length=32, layers=1, "
    "heads=2, model_dim=16",
    "steps=500": "steps=2, batch=2, eval_tokens=64, sample_every=0",
}


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    """At toy size, on a text of a few pages."""
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    for long, short in TOY.items():
        assert code.count(long) == 1, long
        code = code.replace(long, short)
    monkeypatch.chdir(tmp_path)
    Path("book.txt").write_text("Once upon a time there was a model of few words. " * 200)
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    assert list(Path("runs/book").glob("best/*.safetensors"))
    assert capsys.readouterr().out


def test_the_tokenizer_commands_run(tmp_path, monkeypatch, capsys):
    """In their order, on a text of a few pages."""
    from gptengine.cli.main import main

    commands = re.findall(r"^gptengine (tokenizer .*?)(?: +#.*)?$", README, re.M)
    assert len(commands) > 5
    monkeypatch.chdir(tmp_path)
    Path("book.txt").write_text("Once upon a time there was a model of few words. " * 200)
    for command in commands:
        assert main(shlex.split(command)) == 0, command
        assert capsys.readouterr().out
    assert Path("copy.txt").read_text() == Path("book.txt").read_text()


def test_the_convert_commands_run(tmp_path, monkeypatch, capsys):
    """In their order, from a model that knows nothing."""
    from gptengine import Config, Model, Tokenizer
    from gptengine.cli.main import main

    (block,) = re.findall(r"```bash\n(gptengine convert .*?)```", README, re.S)
    commands = [line.partition("#")[0] for line in block.splitlines()]
    monkeypatch.chdir(tmp_path)
    Model(Config.llama(300, 16, 1, 2, 32, hidden_dim=64)).save("runs/book", Tokenizer.bytes())
    for command in commands:
        assert main(shlex.split(command)[1:]) == 0, command
        assert capsys.readouterr().out
    assert len(commands) == 3 and Path("book-folder/config.json").is_file()


def test_the_benchmarks_it_names_exist():
    commands = re.findall(r"`python (-m bench|bench/\S+\.py) ?([^`]*)`", README)
    assert commands
    for program, words in commands:
        if program == "-m bench":
            assert all((ROOT / f"bench/{name}.cpp").exists() for name in words.split()), words
        else:
            text = (ROOT / program).read_text(encoding="utf-8")
            flags = [w.replace("--no-", "--") for w in words.split() if w.startswith("--")]
            assert all(f'"{flag}"' in text for flag in flags), words
