"""`gptengine generate` with samplers and constraints."""

import json

import pytest

from cli.commands import error
from gptengine import Model, Tokenizer
from gptengine.cli.main import main
from gptengine.generate import stream
from model.cases import small


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    tok = Tokenizer.bytes()
    folder = tmp_path_factory.mktemp("model")
    Model(small(vocab_size=tok.vocab_size), seed=3).save(folder, tok)
    return folder


def generate(folder, *args):
    return main(["generate", str(folder), *map(str, args)])


def test_text_follows_a_schema_or_a_pattern(folder, tmp_path, capsys):
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"type": "array", "items": {"enum": [1, 2]}, "maxItems": 3}))
    assert generate(folder, "a ", "--json-schema", schema) == 0
    assert set(json.loads(capsys.readouterr().out.removeprefix("a "))) <= {1, 2}
    assert generate(folder, "a ", "--json-schema", ' {"enum": [1, 2]}') == 0
    assert json.loads(capsys.readouterr().out.removeprefix("a ")) in (1, 2)
    assert generate(folder, "a ", "--regex", "(yes|no)!") == 0
    assert capsys.readouterr().out in ("a yes!\n", "a no!\n")


def test_every_sampler_has_its_flag(folder, capsys):
    flags = "--typical 0.9 --repetition-penalty 1.2 --presence-penalty 0.1 --frequency-penalty 0.2"
    flags += " --penalty-window 9 --logit-bias 65 50.0 66 -1.5 --forbid 67 68 --top-k 5"
    flags += " --logprobs 2 --max-new-tokens 4"
    assert generate(folder, "a", *flags.split()) == 0
    chain, *lines = capsys.readouterr().out.splitlines()
    assert chain == (
        "logit_bias 65: +50, 66: -1.5 → forbidden 67, 68 → repetition_penalty 1.2 over the last 9 "
        "→ presence_penalty 0.1 over the last 9 → frequency_penalty 0.2 over the last 9 → "
        "temperature 0.8 → top_k 5 → typical 0.9 → draw"
    )
    assert len(lines) == 4 and all(" A  " in line and line.count("|") == 1 for line in lines)


def test_a_string_ends_the_text(folder, capsys):
    assert generate(folder, "a", "--seed", 4) == 0
    text = capsys.readouterr().out
    cut = text[9:11]
    assert generate(folder, "a", "--seed", 4, "--stop", "never there", cut) == 0
    assert capsys.readouterr().out == text[: text.index(cut, 1)] + "\n"


def test_nothing_but_the_prompt_is_explained(folder, tmp_path, capsys):
    ends, note = ["--logit-bias", 256, 1000], "note: nothing follows the prompt: the model ended "
    assert generate(folder, "ab", *ends) == generate(folder, "", *ends) == 0
    assert capsys.readouterr() == ("ab\n\n", f"{note}the text at once\n" * 2)
    tok = Tokenizer.load(folder)
    tok.config["chat_template"] = "{{ messages }}"
    Model.load(folder).save(tmp_path / "chat", tok)
    assert generate(tmp_path / "chat", "ab", *ends) == 0
    assert "it has a chat template: it answers prompts of that form" in capsys.readouterr().err
    assert generate(folder, "ab", "--logit-bias", 99, 1000, "--stop", "cc") == 0
    assert ", or began it with a string of --stop" in capsys.readouterr().err
    assert generate(folder, "ab", "--max-new-tokens", 3) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("pieces, out", [(0, ""), (2, "abxx\n")])
def test_what_is_said_of_an_interruption_begins_a_line(folder, monkeypatch, pieces, out, capsys):
    def interrupted(*args, **options):
        yield from "x" * pieces
        raise KeyboardInterrupt

    monkeypatch.setattr("gptengine.generate.stream", interrupted)
    assert generate(folder, "ab") == 130
    said = capsys.readouterr()
    assert said.out == out and said.err == f"interrupted; again: gptengine generate {folder} ab\n"


def test_weights_and_cache_of_few_bits(folder, capsys):
    """What the flags say is what the model does in Python."""
    for flags, options, kv_dtype in [
        (["--kv-dtype", "q8"], {}, "q8"),
        (["--quantize", "q4"], dict(quantize="q4"), None),
        (["--dtype", "bfloat16", "--quantize", "q8"], dict(dtype="bfloat16", quantize="q8"), None),
        (["--dtype", "bfloat16", "--kv-dtype", "q8"], dict(dtype="bfloat16"), "q8"),
    ]:
        assert generate(folder, "ab", "--temperature", 1, "--max-new-tokens", 30, *flags) == 0
        tok, model = Tokenizer.load(folder), Model.load(folder, **options)
        pieces = stream(model, tok, "ab", max_new_tokens=30, kv_dtype=kv_dtype)
        assert capsys.readouterr().out == "ab" + "".join(pieces) + "\n"


@pytest.mark.parametrize("command", ["generate", "inspect", "eval"])
def test_every_command_of_a_model_has_a_device(command, folder, tmp_path, capsys):
    text = tmp_path / "a.txt"
    text.write_text("Once upon a time. " * 30)
    args = [command, str(folder), str(text) if command == "eval" else "ab", "--device"]
    assert main([*args, "cpu"]) == 0
    capsys.readouterr()
    assert main([*args, "cuda"]) == 2
    assert "device 'cuda' is not available yet" in capsys.readouterr().err


def test_the_help_has_examples_of_what_is_used_most(capsys):
    with pytest.raises(SystemExit):
        main(["generate", "--help"])
    examples = capsys.readouterr().out.partition("Examples:")[2].partition("positional")[0]
    for flag in (
        "--temperature --max-new-tokens --top-k --stop --repetition-penalty --json-schema --regex "
        "--logprobs --dtype --quantize --kv-dtype --draft"
    ).split():
        assert f" {flag} " in examples


def test_errors_take_one_line(folder, tmp_path, capsys):
    for flags, says in [
        (["--typical", "0"], "typical 0.0 must be above 0"),
        (["--repetition-penalty", "0"], "repetition_penalty 0.0 must be above 0"),
        (["--penalty-window", "-1"], "penalty_window -1 must be at least 0"),
        (["--logprobs", "-1"], "logprobs -1 must be at least 0"),
        (["--forbid", "999"], "forbidden id 999 must be below 257"),
        (["--regex", "a("], "Regex('a(') cannot be compiled"),
        (["--regex", "a", "--json-schema", "b"], "json_schema b or regex a, not both"),
        (["--json-schema", tmp_path / "none"], "no such file"),
        (["--json-schema", '{"type": 1'], "constraint: the JSON Schema: not JSON"),
    ]:
        assert generate(folder, "a", *flags) == 2
        assert says in error(capsys)
