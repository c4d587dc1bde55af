"""Every token that a model's files name as an end ends its texts, and is written to new files."""

import dataclasses
import json

import pytest

from generate.setting import TINY, tiny
from gptengine import Model, Tokenizer
from gptengine.cli.main import main
from gptengine.generate import end_ids, stream
from gptengine.gguf.metadata import read_metadata
from gptengine.sampler import Sampler

KEY = "tokenizer.ggml."
END, TURN, MESSAGE, OTHER = 256, 257, 258, 259
TOK = Tokenizer.bytes(special_tokens=("<|endoftext|>", "<turn>", "<message>", "<other>"))


@pytest.fixture
def model():
    return tiny(dataclasses.replace(TINY, vocab_size=TOK.vocab_size))


def say(folder, name, eos):
    """Let a file of a folder name these ids."""
    values = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**values, "eos_token_id": eos}))


def written(model, forced, most=5):
    """How a text goes on into which a token is forced: its length in tokens, and why it ended."""
    told = []
    pieces = stream(model, TOK, "a", most, sampler=Sampler(forced={2: forced}), told=told.append)
    for _ in pieces:
        pass
    assert told[-1].stop_id == (forced if told[-1].token is None else None)
    return sum(event.token is not None for event in told), told[-1].finish


@pytest.mark.parametrize("target", ["folder", "m.gguf"])
def test_all_ends_of_the_files_end_a_text(model, tmp_path, target):
    model.save(tmp_path / "a", TOK)
    say(tmp_path / "a", "generation_config.json", [TURN, END, MESSAGE])
    first = Model.load(tmp_path / "a")
    assert first.end_ids == (TURN, END, MESSAGE)
    first.save(tmp_path / target, TOK)
    for loaded in first, Model.load(tmp_path / target):
        assert end_ids(loaded, TOK) == [END, TURN, MESSAGE]
        for token in END, TURN, MESSAGE:
            assert written(loaded, token) == (2, "stop")
        assert written(loaded, OTHER) == (5, "length")
    assert written(model, TURN) == (5, "length") and written(model, END) == (2, "stop")


def test_the_command_keeps_them_when_it_converts(model, tmp_path, capsys):
    model.save(tmp_path / "a", TOK)
    say(tmp_path / "a", "generation_config.json", [END, TURN, MESSAGE])
    assert main(["convert", str(tmp_path / "a"), str(tmp_path / "b.gguf")]) == 0
    assert main(["convert", str(tmp_path / "b.gguf"), str(tmp_path / "c")]) == 0
    keys = read_metadata(tmp_path / "b.gguf")
    assert [keys[f"{KEY}{name}_token_id"] for name in ("eos", "eot", "eom")] == [END, TURN, MESSAGE]
    values = [json.loads((tmp_path / n / "generation_config.json").read_text()) for n in "ac"]
    assert values[0] == values[1]
    say(tmp_path / "a", "generation_config.json", [END, TURN, MESSAGE, OTHER])
    assert main(["convert", str(tmp_path / "a"), str(tmp_path / "d.gguf")]) == 0
    assert "the ids [259] do not end texts of this file" in capsys.readouterr().err


def test_the_config_counts_where_nothing_is_said_of_generation(model, tmp_path):
    model.save(tmp_path, TOK)
    say(tmp_path, "config.json", [TURN])
    assert Model.load(tmp_path).end_ids == (END,)
    (tmp_path / "generation_config.json").unlink()
    assert Model.load(tmp_path).end_ids == (TURN,)
    say(tmp_path, "config.json", [50256, MESSAGE])  # GPT-2's, in a config of a small vocabulary
    assert Model.load(tmp_path).end_ids == (MESSAGE,)
    for wrong in "end", [True], {"a": 1}:
        say(tmp_path, "config.json", wrong)
        with pytest.raises(ValueError, match="config.json: eos_token_id .* must be an id or a li"):
            Model.load(tmp_path)


def test_the_command_shows_which_end_came(model, tmp_path, capsys):
    model.save(tmp_path, TOK)
    say(tmp_path, "generation_config.json", [END, TURN])
    args = ["a", "--logprobs", "1", "--temperature", "0", "--logit-bias", str(TURN), "1000"]
    assert main(["generate", str(tmp_path), *args]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[1] == "<turn>"
