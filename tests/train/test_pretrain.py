"""The pretraining loop on a bigram model: it learns, refuses, skips, saves and goes on exactly."""

import io
import math
import resource
import signal

import numpy as np
import pytest
from rich.console import Console

from data.byte_tokenizer import ByteTokenizer
from gptengine.checkpoint import find_model_folder, load_folder
from gptengine.data import write_shards
from gptengine.train import plan
from gptengine.train.checkpoints import checkpoints
from gptengine.train.log import progress_line, read_log
from gptengine.train.pretrain import PretrainConfig, pretrain
from train.fake_model import BigramModel

TEXT = "".join(f"{i} sheep and {i * i} wolves\n" for i in range(600))
QUICK = dict(steps=12, batch=2, context=8, warmup=2, lr=0.05, eval_every=4, eval_tokens=64)
QUICK |= dict(checkpoint_every=4, sample_every=6, sample_tokens=4)


@pytest.fixture
def data(tmp_path):
    write_shards([TEXT], tmp_path / "data", ByteTokenizer())
    return tmp_path / "data"


def quick(out, data, model=None, tok=None, **changes):
    quiet = Console(file=io.StringIO())
    model, tok = model or BigramModel(), tok or ByteTokenizer()
    return pretrain(model, tok, data, out, console=quiet, **{**QUICK, **changes})


def weights(out):
    return (checkpoints(out)[-1] / "model.safetensors").read_bytes()


def test_it_learns_and_keeps_its_best(tmp_path, data):
    run = quick(tmp_path / "run", data, steps=200, keep=3, checkpoint_every=50, batch=8)
    records = read_log(run.out / "run.jsonl")
    losses = [r["loss"] for r in records if "loss" in r]
    vals = [r["val_loss"] for r in records if "val_loss" in r]
    assert losses[0] == pytest.approx(math.log(257), rel=0.02) and len(losses) == 200
    assert run.val_loss < 3.5 < losses[0] and run.loss == losses[-1]
    assert run.val_bpb == pytest.approx(run.val_loss / math.log(2), rel=0.02)
    assert [p.name for p in checkpoints(run.out)] == [f"step-{n:08d}" for n in (100, 150, 200)]
    assert min(vals) == vals[-1]
    assert len({r["val_tokens"] for r in records if "val_tokens" in r}) == 1
    for name, array in load_folder(run.best)[1].items():
        np.testing.assert_array_equal(array, load_folder(checkpoints(run.out)[-1])[1][name])
    assert (run.best / "tokenizer.json").is_file()
    samples = [r["sample"] for r in records if "sample" in r]
    assert len(samples) == 34 and all(samples)


def test_a_run_is_a_model_from_its_first_checkpoint_on(tmp_path, data):
    for record in pretrain.iter(
        BigramModel(),
        ByteTokenizer(),
        data,
        tmp_path / "run",
        console=Console(quiet=True),
        **{**QUICK, "eval_every": 99},
    ):
        if record["step"] == 5:
            break
    assert find_model_folder(tmp_path / "run") == checkpoints(tmp_path / "run")[-1]
    run = quick(tmp_path / "run", data, eval_every=99)
    assert find_model_folder(run.out) == run.best


def test_a_full_disk_ends_the_run_and_spoils_nothing(tmp_path, data):
    quick(tmp_path / "run", data, steps=12)
    steps = pretrain.iter(
        BigramModel(),
        ByteTokenizer(),
        data,
        tmp_path / "full",
        console=Console(quiet=True),
        **QUICK,
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(ValueError, match=r"cannot write .*bytes free.*untouched"):
            for record in steps:
                if record["step"] == 6:  # after the first checkpoint
                    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert [p.name for p in checkpoints(tmp_path / "full")] == ["step-00000004"]
    quick(tmp_path / "full", data)
    assert weights(tmp_path / "full") == weights(tmp_path / "run")


def test_micro_steps_are_normalised_over_the_whole_step(tmp_path, data):
    """Two micro-steps of 2 rows are one step of 4 rows, but for rounding."""
    one = quick(tmp_path / "one", data, batch=4, accumulate=1)
    two = quick(tmp_path / "two", data, batch=2, accumulate=2)
    assert one.loss == pytest.approx(two.loss, rel=1e-5)


def test_text_files_become_shards_once(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    quick(tmp_path / "run", tmp_path / "a.txt", steps=4)
    written = (tmp_path / "run/data/train-00000.tok").stat().st_mtime_ns
    quick(tmp_path / "run", tmp_path / "a.txt", steps=4)
    assert (tmp_path / "run/data/train-00000.tok").stat().st_mtime_ns == written
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.txt").write_text(TEXT)
    quick(tmp_path / "run", tmp_path / "elsewhere/a.txt", steps=4)
    for other in (TEXT + "more", TEXT.replace("7", "8")):
        (tmp_path / "a.txt").write_text(other)
        with pytest.raises(ValueError, match=r"was made with files .*, now it is .*"):
            quick(tmp_path / "run", tmp_path / "a.txt", steps=4)
    (tmp_path / "run/data/sources.json").write_text("{")
    with pytest.raises(ValueError, match=r"sources.json: not JSON"):
        quick(tmp_path / "run", tmp_path / "a.txt", steps=4)


def test_the_open_loop_yields_every_step(tmp_path, data):
    steps = pretrain.iter(
        BigramModel(), ByteTokenizer(), data, tmp_path / "run", console=Console(quiet=True), **QUICK
    )
    records = list(steps)
    assert [r["step"] for r in records] == list(range(1, 13))
    assert ["val_loss" in r for r in records] == [s % 4 == 0 for s in range(1, 13)]


def test_the_plan_comes_before_the_first_step(tmp_path, data):
    console = Console(file=io.StringIO())
    pretrain(BigramModel(), ByteTokenizer(), data, tmp_path / "run", console=console, **QUICK)
    lines = console.file.getvalue().splitlines()
    assert [line.split()[0] for line in lines[:7]] == (
        "model data steps tokens memory machine time".split()
    )
    assert lines[7].startswith("step 1/12 | loss 5.5")


def test_a_run_ends_in_time_with_its_schedule_at_the_end(tmp_path, data, monkeypatch):
    """On a clock of which a step takes a sixth, half of twelve steps are done, two at a time."""
    left = lambda loop: 60 * loop.c.minutes * (1 - loop.model._t / 6)
    monkeypatch.setattr("gptengine.train.loop.Loop.time_left", left)
    console = Console(file=io.StringIO())
    run = quick(tmp_path / "run", data, minutes=1.0)
    records = [r for r in read_log(run.out / "run.jsonl") if "lr" in r]
    c = PretrainConfig(**QUICK)
    assert [r["lr"] for r in records] == pytest.approx([c.lr_at(2 * step) for step in range(6)])
    assert run.steps == 6 and run.val_loss is not None
    settings = {**QUICK, "minutes": 1.0, "console": console}
    again = pretrain(BigramModel(), ByteTokenizer(), data, run.out, **settings)
    assert again == run and "is finished: 6 steps" in console.file.getvalue()


def test_no_share_of_the_peak_is_above_one(tmp_path, data, monkeypatch):
    monkeypatch.setattr("gptengine.train.loop.measured_peak", lambda model: 1.0)
    console = Console(file=io.StringIO())
    settings = {**QUICK, "console": console}
    run = pretrain(BigramModel(), ByteTokenizer(), data, tmp_path / "run", **settings)
    shares = [r["mfu"] for r in read_log(run.out / "run.jsonl") if "mfu" in r]
    assert max(shares) == 1.0 and "note: the peak is" in console.file.getvalue()


def test_lines_say_what_matters(tmp_path, data):
    console = Console(file=io.StringIO())
    settings = {**QUICK, "steps": 200, "batch": 100, "eval_every": 200, "console": console}
    steps = pretrain.iter(BigramModel(), ByteTokenizer(), data, tmp_path / "run", **settings)
    record = next(steps)
    steps.close()
    said = console.file.getvalue()
    assert "1 layer x 4, 1 head," in said and "the text is read" in said
    quiet, loud = (progress_line({**record, "loss_z": z}, 200, 1.0) for z in (0.4, 4.2))
    assert "(z" not in quiet and "(z +4.2)" in loud


def test_a_plan_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(plan, "available_memory", lambda: 1_000_000)
    with pytest.raises(ValueError, match=r"takes 1,000,000 MB \(weights .*\), 1 MB are available"):
        plan.check_memory({"weights": 10**12}, "cpu")
    plan.check_memory({"weights": 1}, "cpu")
    monkeypatch.setattr(plan, "available_memory", lambda: None)
    plan.check_memory({"weights": 10**18}, "cpu")


def test_another_instruction_set_is_said(tmp_path, data, monkeypatch):
    quick(tmp_path / "run", data)
    monkeypatch.setattr("gptengine.train.loop.isa", lambda model: "other")
    console = Console(file=io.StringIO())
    pretrain(BigramModel(), ByteTokenizer(), data, tmp_path / "run", console=console, **QUICK)
    assert "note: step-00000012 was made with None instructions" in console.file.getvalue()


def test_a_stopped_loop_resumes_with_the_same_bits(tmp_path, data):
    whole = quick(tmp_path / "whole", data)
    for record in pretrain.iter(
        BigramModel(), ByteTokenizer(), data, tmp_path / "cut", console=Console(quiet=True), **QUICK
    ):
        if record["step"] == 7:
            break
    cut = quick(tmp_path / "cut", data)
    assert weights(whole.out) == weights(cut.out)
    kept = [
        [(r["step"], r.get("loss"), r.get("val_loss"), r.get("sample")) for r in records[1:]]
        for records in (
            [r for r in read_log(run.out / "run.jsonl") if r.get("event") is None]
            for run in (whole, cut)
        )
    ]
    assert kept[0] == kept[1]
    again = quick(tmp_path / "cut", data)
    assert (again.steps, again.loss, again.val_loss) == (12, whole.loss, whole.val_loss)


def test_changed_settings_are_refused_with_both_values(tmp_path, data):
    quick(tmp_path / "run", data)
    for change in (dict(lr=0.5), dict(steps=13), dict(batch=3)):
        ((name, value),) = change.items()
        with pytest.raises(ValueError, match=rf"{name} is {value}, but .* with {QUICK[name]}:"):
            quick(tmp_path / "run", data, **change)
    with pytest.raises(ValueError, match=r"model.vocab_size is 300, but .* with 257"):
        quick(tmp_path / "run", data, BigramModel(300))
    quick(tmp_path / "run", data, keep=1, eval_every=3)


def test_mismatches_are_refused(tmp_path, data):
    with pytest.raises(ValueError, match="has 300 tokens, the model.s vocabulary only 257"):
        quick(tmp_path / "run", data, tok=ByteTokenizer(extra=43))
    with pytest.raises(ValueError, match="vocabulary of 257 tokens, the tokenizer 300"):
        quick(tmp_path / "run", data, BigramModel(300), ByteTokenizer(extra=43))
    with pytest.raises(ValueError, match="context 17 is longer than .* 16"):
        quick(tmp_path / "run", data, context=17)
    with pytest.raises(ValueError, match="unknown setting 'step'"):
        quick(tmp_path / "run", data, step=3)
    with pytest.raises(ValueError, match="nowhere: no such file"):
        quick(tmp_path / "run2", tmp_path / "nowhere")


@pytest.mark.parametrize(
    "change, match",
    [
        (dict(steps=0), "steps 0 must be at least 1"),
        (dict(lr=math.nan), "lr nan must be above 0"),
        (dict(beta1=2.0), "beta1 2.0 must be from 0 to 1"),
        (dict(schedule="linear"), "'linear' is neither cosine nor wsd"),
    ],
)
def test_nonsense_settings_are_named(change, match):
    with pytest.raises(ValueError, match=match):
        PretrainConfig(**change)


class Broken(BigramModel):
    """Returns a loss that is multiplied at some steps."""

    factors: dict = {}
    calls = 0

    def forward_backward(self, tokens, targets, dlogp, segments=None):
        logp = super().forward_backward(tokens, targets, dlogp)
        if not dlogp.any():
            return logp  # the probe
        self.calls += 1
        return logp * self.factors.get(self.calls, 1)


def test_a_nan_is_skipped(tmp_path, data):
    model = Broken()
    model.factors = {6: math.nan, 7: math.inf}
    run = quick(tmp_path / "run", data, model)
    records = [r for r in read_log(run.out / "run.jsonl") if "lr" in r]
    assert [r["step"] for r in records if r["skipped"]] == [6, 7]
    assert records[5]["loss"] is None and math.isfinite(run.loss)
    assert all(np.isfinite(array).all() for array in model.parameters().values())


def test_many_nans_stop_the_run_and_say_where(tmp_path, data):
    model = Broken()
    model.factors = dict.fromkeys(range(4, 99), math.nan)
    with pytest.raises(ValueError, match=r"step 8: loss nan, .* 5th step in a row.*step-00000004"):
        quick(tmp_path / "run", data, model)
    assert len(checkpoints(tmp_path / "run")) == 1


def test_a_bad_step_is_skipped(tmp_path, data):
    model = Broken()
    model.factors = {9: 50}
    before = {}
    steps = pretrain.iter(
        model,
        ByteTokenizer(),
        data,
        tmp_path / "run",
        console=Console(quiet=True),
        **QUICK,
        guard_window=4,
    )
    for record in steps:
        if record["step"] == 8:
            before = model.parameters()["wte"].copy()
        if record["step"] == 9:
            assert record["skipped"] and record["loss_z"] > 8
            np.testing.assert_array_equal(model.parameters()["wte"], before)
    assert not np.array_equal(model.parameters()["wte"], before)


def test_two_runs_in_one_folder_are_refused(tmp_path, data):
    arguments = (BigramModel(), ByteTokenizer(), data, tmp_path / "run")
    first = pretrain.iter(*arguments, console=Console(quiet=True), **QUICK)
    next(first)
    with pytest.raises(ValueError, match="another process is training there"):
        quick(tmp_path / "run", data)
    first.close()
    quick(tmp_path / "run", data)


def test_without_held_out_text_the_newest_is_the_best(tmp_path):
    write_shards([TEXT], tmp_path / "data", ByteTokenizer(), held_out=0)
    run = quick(tmp_path / "run", tmp_path / "data")
    assert run.val_loss is None and (run.best / "config.json").is_file()
