"""`gptengine eval`: its figures against their definition, what it says, and what it refuses."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from gptengine import Config, Model, Tokenizer
from gptengine.cli.main import main
from gptengine.data import write_shards
from gptengine.train.evaluate import lost

TEXT = "It was a bright cold day in April, and the clocks were striking thirteen. " * 20


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model folder `m` with weights that fewer bits change, and a text, in the current folder."""
    monkeypatch.chdir(tmp_path)
    model = Model(Config.llama(300, 32, 2, 2, 64, hidden_dim=96))
    rng = np.random.default_rng(0)
    for array in model.parameters().values():
        if array.ndim == 2:
            array[...] = rng.normal(size=array.shape) * 0.1
    model.save("m", Tokenizer.bytes())
    Path("text.txt").write_text(TEXT)
    return model


def evaluate(*args):
    return main(["eval", *map(str, args)])


def test_figures_are_the_definition(model, capsys):
    args = ("--quantize", "q8", "q4", "--dtype", "float32", "bfloat16", "--json", "sub/e.json")
    assert evaluate("m", "text.txt", *args) == 0
    out = capsys.readouterr().out
    assert "plan     llama of m, " in out and "in blocks of 32" in out and "memory " in out
    forms = json.loads(Path("sub/e.json").read_text())["forms"]
    names = [(f["dtype"], f["quantize"]) for f in forms]
    assert names == [(d, q) for d in ("float32", "bfloat16") for q in (None, "q8", "q4")]
    ids = Tokenizer.bytes().encode(TEXT).astype(np.int32)
    blocks = len(ids) // 32  # with the end of the text, a token more
    ids = np.append(ids, Tokenizer.bytes().eos_id)[: blocks * 32 + 1]
    inputs, targets = ids[:-1].reshape(-1, 32), ids[1:].reshape(-1, 32)
    first = model.logprob(inputs, targets)
    for form in forms:
        form_model = Model(model.config, dtype=form["dtype"], quantize=form["quantize"])
        form_model.set_parameters(model.parameters())
        logp = form_model.logprob(inputs, targets)
        loss = -logp.mean(dtype=np.float64)
        assert form["loss"] == pytest.approx(loss, rel=1e-6)
        assert form["perplexity"] == pytest.approx(math.exp(loss), rel=1e-6)
        assert form["bits_per_byte"] == pytest.approx(loss / math.log(2), rel=1e-6)
        assert form["perplexity_lost"] == pytest.approx(
            math.exp(loss + first.mean(dtype=np.float64)) - 1, abs=1e-6
        )
        assert form["tokens"] == len(logp) == form["text_bytes"]
    plain, q8, q4 = (f["weight_bytes"] for f in forms[:3])
    assert plain == 4 * model.num_parameters and plain > 3 * q8 > 5 * q4
    errors = [f["perplexity_lost_error"] for f in forms[:3]]
    assert errors[0] == 0 < errors[1] < errors[2]


def test_what_a_smaller_cache_loses(model, capsys):
    args = ("--quantize", "q8", "--kv-dtype", "float32", "q8", "--json", "e.json")
    assert evaluate("m", "text.txt", *args) == 0
    out = capsys.readouterr().out
    assert "float32 q8 kv q8 " in out
    forms = json.loads(Path("e.json").read_text())["forms"]
    kinds = [(f["quantize"], f["kv_dtype"]) for f in forms]
    assert kinds == [(q, kv) for q in (None, "q8") for kv in (None, "float32", "q8")]
    plain, same, q8, *quantized = (f["loss"] for f in forms)
    assert plain == same != q8 and quantized[0] == quantized[1] != quantized[2]
    assert 0 < abs(forms[2]["perplexity_lost"]) < 0.01
    assert forms[2]["perplexity_lost_error"] > 0 == forms[1]["perplexity_lost_error"]
    ids = np.append(Tokenizer.bytes().encode(TEXT), Tokenizer.bytes().eos_id).astype(np.int32)
    inputs, targets = (ids[i : i + len(ids) // 32 * 32].reshape(-1, 32) for i in (0, 1))
    logp = model.logprob(inputs, targets, kv_dtype="q8")
    assert q8 == pytest.approx(-logp.mean(dtype=np.float64), rel=1e-6)


def test_the_error_of_what_is_lost():
    """Its spread is that of the difference over many draws of the tokens."""
    rng = np.random.default_rng(0)
    plain = rng.normal(-3, 1, size=(400, 500))
    logp = plain - rng.normal(0.01, 0.1, size=plain.shape)
    shares, errors = np.array([lost(*pair) for pair in zip(logp, plain, strict=True)]).T
    assert shares.mean() == pytest.approx(math.exp(0.01) - 1, abs=1e-3)
    assert errors.mean() == pytest.approx(shares.std(), rel=0.1)


@pytest.mark.parametrize("flags, rows", [((), 4), (("--batch", 3), 3), (("--context", 8), 16)])
def test_a_pass_is_short_for_ctrl_c(model, flags, rows, monkeypatch, capsys):
    seen, logprob = [], Model.logprob
    monkeypatch.setattr("gptengine.cli.eval.PASS_TOKENS", 128)
    monkeypatch.setattr(
        Model, "logprob", lambda m, x, *a, **k: seen.append(len(x)) or logprob(m, x, *a, **k)
    )
    assert evaluate("m", "text.txt", *flags) == 0
    assert max(seen) == rows and len(seen) > 1


def test_of_shards_the_held_out_part_counts(model, capsys):
    write_shards([TEXT] * 10, "s", Tokenizer.bytes(), held_out=0.1)
    write_shards([TEXT], "all", Tokenizer.bytes(), held_out=0)
    for folder, part in ("s", "val"), ("all", "train"):
        assert evaluate("m", folder, "--context", 16, "--tokens", 64) == 0
        out = capsys.readouterr().out
        assert (
            f"the part '{part}' of {folder}" in out and "score    64 tokens in blocks of 16" in out
        )
    write_shards([TEXT], "other", Tokenizer.train(TEXT, vocab_size=280), held_out=0)
    assert evaluate("m", "other") == 2
    assert "other: the shards have a vocabulary of 280 tokens" in capsys.readouterr().err


@pytest.mark.parametrize(
    "args, says",
    [
        (("nothing", "text.txt"), "nothing: no such model folder"),
        (("m",), "data"),
        (("m", "nothing.txt"), "nothing.txt: no such file or folder"),
        (("m", "empty.txt"), "there is no text in it"),
        (("m", "text.txt", "--context", "33"), "--context 33 is longer than the model's 32"),
        (("m", "text.txt", "--tokens", "-1"), "tokens -1 must be at least 0"),
        (("m", "text.txt", "--quantize", "q8", "q8"), "--quantize q8 q8 names one twice"),
        (("m", "text.txt", "--quantize", "q5"), "q5"),
        (("m", "text.txt", "--kv-dtype", "q8", "q8"), "--kv-dtype q8 q8 names one twice"),
        (("reward", "text.txt"), "has head reward: it predicts no text"),
        (("bare", "text.txt"), "bare"),
        (("m", "text.txt", "--json", "m"), "--json m is a folder"),
    ],
)
def test_what_cannot_be_is_refused(model, args, says, capsys):
    Path("empty.txt").write_text("")
    small = Config.llama(300, 16, 1, 2, 32)
    Model(dataclasses.replace(small, head="reward")).save("reward", Tokenizer.bytes())
    Model(small).save("bare")
    try:
        code = evaluate(*args)
    except SystemExit as stop:  # the flags themselves are wrong
        code = stop.code
    assert code == 2
    out, err = capsys.readouterr()
    assert says in out + err and "nats/token" not in out
