"""A run's best model is only replaced by a better one, and what a resume cannot read is named."""

import io
import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from rich.console import Console

from data.byte_tokenizer import ByteTokenizer
from gptengine.checkpoint import load_state, save_state
from gptengine.data import write_shards
from gptengine.train.checkpoints import checkpoints
from gptengine.train.log import read_log
from gptengine.train.pretrain import pretrain
from train.fake_model import BigramModel

TEXT = "".join(f"{i} sheep and {i * i} wolves\n" for i in range(600))
QUICK = dict(steps=12, batch=2, context=8, warmup=2, lr=0.05, eval_every=4, eval_tokens=64)
QUICK |= dict(checkpoint_every=4, sample_every=0)


@pytest.fixture
def data(tmp_path):
    write_shards([TEXT], tmp_path / "data", ByteTokenizer())
    return tmp_path / "data"


def steps(out, data, model=None, **changes):
    settings = {**QUICK, "console": Console(file=io.StringIO()), **changes}
    return pretrain.iter(model or BigramModel(), ByteTokenizer(), data, out, **settings)


def run(out, data, until=None, **changes):
    for record in steps(out, data, **changes):
        if record["step"] == until:
            return


def score(out):
    return json.loads((out / "best/score.json").read_text())


def test_a_resumed_run_keeps_a_better_best(tmp_path, data):
    """The best is of step 8, the checkpoint of step 4: a worse model of step 6 does not replace it.

    A better score than any that comes stands for one that the run would not reach again.
    """
    out = tmp_path / "run"
    run(out, data, until=9, checkpoint_every=5)
    best = score(out)
    assert best["step"] == 8 and best["val_tokens"] == 64
    assert (
        best["val_loss"]
        == [r["val_loss"] for r in read_log(out / "run.jsonl") if "val_loss" in r][-1]
    )
    (out / "best/score.json").write_text(json.dumps(best | {"val_loss": 0.5}))
    before = (out / "best/model.safetensors").read_bytes()
    run(out, data, eval_every=3)
    assert (out / "best/model.safetensors").read_bytes() == before
    assert len(checkpoints(out)) == 2


def test_a_best_that_is_gone_is_made_again(tmp_path, data):
    out = tmp_path / "run"
    run(out, data, until=9)
    shutil.rmtree(out / "best")
    (out / "best").mkdir()
    run(out, data)
    assert score(out)["step"] == 12


def test_scores_over_other_tokens_are_refused(tmp_path, data):
    run(tmp_path / "run", data, until=5)
    with pytest.raises(ValueError, match="eval_tokens is 128, but .* with 64"):
        run(tmp_path / "run", data, eval_tokens=128)


def test_a_model_of_another_run_is_not_replaced(tmp_path, data):
    out = tmp_path / "run"
    run(out, data)
    shutil.rmtree(out / "checkpoints")
    before = score(out)
    with pytest.raises(ValueError, match=r"best .*lr 0.05, this run has 0.01"):
        run(out, data, lr=0.01)
    run(out, data)  # the same run from its start: nothing in it is better than its best
    assert score(out) == before
    (out / "best/score.json").unlink()
    shutil.rmtree(out / "checkpoints")
    with pytest.raises(ValueError, match=r"best holds a model that is not of this run"):
        run(out, data)


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda m: m.pop("settings"), "'settings' is missing"),
        (lambda m: m.pop("optimizer_step"), "'optimizer_step' is missing"),
        (lambda m: m.pop("aside"), "'aside' is missing"),
        (lambda m: m.update(step="4"), "'step' is '4'"),
        (lambda m: m["data"].pop("index"), "'index' is missing"),
        (lambda m: m["guard"].update(loss=3), "guard.*'loss' is 3"),
    ],
)
def test_a_state_that_cannot_be_read_is_named(tmp_path, data, change, says):
    out = tmp_path / "run"
    run(out, data, until=5)
    path = checkpoints(out)[-1] / "state.safetensors"
    arrays, metadata = load_state(path)
    change(metadata)
    save_state(path, arrays, metadata)
    with pytest.raises(ValueError, match=rf"state.safetensors: .*{says}"):
        run(out, data)


def test_a_suspended_loop_leaves_signals_alone(tmp_path, data):
    mine = lambda *_: None
    before = {n: signal.signal(n, mine) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        loop = steps(tmp_path / "run", data)
        for record in loop:
            assert {signal.getsignal(n) for n in before} == {mine}
            if record["step"] == 3:
                break
        assert {signal.getsignal(n) for n in before} == {mine}
        next(loop)
        loop.close()
        assert {signal.getsignal(n) for n in before} == {mine}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Signalled(BigramModel):
    """Gets a signal while a certain validation is computed."""

    calls = 0

    def logprob(self, tokens, targets):
        self.calls += 1
        if self.calls == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return super().logprob(tokens, targets)


@pytest.mark.parametrize("every", [3, 12])
def test_a_signal_between_steps_ends_the_loop(tmp_path, data, every):
    with pytest.raises(KeyboardInterrupt, match=f"stopped at step {every}"):
        run(tmp_path / "run", data, model=Signalled(), eval_every=every)
    assert [int(p.name[5:]) for p in checkpoints(tmp_path / "run")][-1] == every


@pytest.mark.parametrize("peak", [None, 1.0])  # tried, and too slow to be tried
def test_a_run_starts_from_zero_gradients(tmp_path, data, monkeypatch, peak):
    monkeypatch.setattr("gptengine.train.loop.measured_peak", lambda model: peak)
    used = BigramModel()
    for gradient in used._grads.values():
        gradient += 1
    run(tmp_path / "a", data, until=1)
    run(tmp_path / "b", data, until=1, model=used)
    losses = [read_log(tmp_path / x / "run.jsonl")[1]["grad_norm"] for x in "ab"]
    assert losses[0] == losses[1]


def test_without_a_limit_the_clock_changes_no_bit(tmp_path, data, monkeypatch):
    run(tmp_path / "a", data)
    ticks = iter(range(0, 10**9, 1000))
    monkeypatch.setattr("gptengine.train.loop.time.perf_counter", lambda: next(ticks))
    run(tmp_path / "b", data, until=6)
    run(tmp_path / "b", data)
    one, two = (checkpoints(tmp_path / x)[-1] / "model.safetensors" for x in "ab")
    assert Path(one).read_bytes() == Path(two).read_bytes()
