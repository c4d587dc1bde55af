"""Schedules, guard, log and evaluation against their definitions."""

import io
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.byte_tokenizer import ByteTokenizer
from gptengine.data import TokenShards, write_shards
from gptengine.tokenizer import Tokenizer
from gptengine.train.evaluate import bytes_per_token, evaluate
from gptengine.train.guard import Guard, ZScore
from gptengine.train.log import Display, RunLog, duration, read_log
from gptengine.train.schedules import warmup_cosine, warmup_stable_decay
from text.pieces import tokenizer
from train.fake_model import BigramModel


def test_cosine_goes_up_in_a_line_and_down_in_half_a_cosine():
    rates = [warmup_cosine(step, 10, 111, 0.1) for step in range(111)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    want = 0.1 + 0.9 * 0.5 * (1 + np.cos(np.pi * np.arange(101) / 100))
    np.testing.assert_allclose(rates[10:], want)


def test_wsd_is_level_until_its_decay():
    rates = [warmup_stable_decay(step, 10, 101, 25, 0.0) for step in range(101)]
    assert rates[9:76] == [1.0] * 67 and rates[100] == 0
    np.testing.assert_allclose(rates[75:], 1 - np.sqrt(np.arange(26) / 25))


@given(st.integers(1, 300), st.integers(0, 50), st.floats(0, 1))
def test_rates_stay_between_floor_and_peak(steps, warmup, floor):
    for step in range(steps):
        for rate in (
            warmup_cosine(step, warmup, steps, floor),
            warmup_stable_decay(step, warmup, steps, steps // 5, floor),
        ):
            assert min(floor, 1 / max(1, warmup)) - 1e-12 <= rate <= 1 + 1e-12


def test_z_score_is_its_definition(rng):
    values = rng.normal(size=50).tolist()
    score = ZScore(10)
    for i, value in enumerate(values):
        z = score.update(value)
        past = values[max(0, i - 10) : i]
        want = (value - np.mean(past)) / np.std(past) if i >= 10 else 0
        assert z == pytest.approx(want)


def test_scores_start_before_the_window_is_full(rng):
    score = ZScore(128)
    for value in rng.normal(3, 0.1, 32):
        assert score.update(value) == 0
    assert score.update(9.0) > 30


def test_a_spike_does_not_blind_the_guard(rng):
    guard = Guard(threshold=8, window=128)
    for value in rng.normal(3, 0.05, 128):
        guard.update(value, 1.0)
    for spike in (1000.0, 20.0, 1e30, 4.5):
        assert guard.update(spike, 1.0)[2], spike
    assert not guard.update(3.1, 1.0)[2]


def test_what_is_no_number_is_skipped_counted_and_forgotten():
    guard = Guard(threshold=0, window=4)
    for value in (3.0, 3.1, 2.9, 3.0):
        guard.update(value, 1.0)
    window = list(guard.loss.values)
    for count, bad in enumerate((math.nan, math.inf), 1):
        assert guard.update(bad, bad) == (math.inf, math.inf, True)
        assert guard.broken == count and list(guard.loss.values) == window
    assert guard.update(3.0, math.nan)[2] and guard.broken == 3
    again = Guard(0, 4)
    again.load_state(json.loads(json.dumps(guard.state())))
    assert again.broken == 3
    assert not guard.update(3.0, 1.0)[2] and guard.broken == 0


def test_guard_skips_upward_outliers_only_and_accepts_a_new_level(rng):
    guard = Guard(threshold=6, window=16)
    for value in rng.normal(3, 0.1, 16):
        assert not guard.update(value, 1.0)[2]
    again = Guard(6, 16)
    again.load_state(json.loads(json.dumps(guard.state())))
    assert guard.update(9.0, 1.0)[2] and again.update(9.0, 1.0)[2]
    assert not guard.update(0.5, 1.0)[2]
    assert guard.update(3.0, 2.0)[2]  # the norm counts too
    skipped = [guard.update(9.0, 1.0)[2] for _ in range(16)]
    assert not skipped[-1]
    assert not Guard(0, 2).update(1e9, 1e9)[2]


def test_log_survives_a_torn_line_and_drops_what_comes_again(tmp_path):
    path = tmp_path / "run.jsonl"
    log = RunLog(path)
    assert log.write(step=0, loss=math.nan, loss_z=math.inf)["loss_z"] == math.inf
    assert path.read_text() == '{"step": 0, "loss": null, "loss_z": null}\n'
    for step in range(1, 6):
        log.write(step=step, loss=1 / step)
    log.close()
    with open(path, "a") as file:
        file.write('{"step": 6, "lo')
    assert [r["step"] for r in read_log(path)] == [0, 1, 2, 3, 4, 5]
    log = RunLog(path, resume_at=3)
    log.write(step=4, loss=0.25)
    log.close()
    assert [r["step"] for r in read_log(path)] == [0, 1, 2, 3, 4]


def test_plain_lines_are_few_and_say_it_all():
    from rich.console import Console

    console = Console(file=io.StringIO(), width=40)
    record = dict(loss=2.5, loss_z=3.5, grad_norm=1.0, norm_z=-4.25, tokens_per_second=12345.6)
    record |= dict(mfu=0.613, memory=512e6, skipped=True)
    with Display(console, 1000) as display:
        for step in range(1, 1001):
            display.step({"step": step, **record}, 3725)
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 21
    for part in ("1/1000", "2.5000", "+3.5", "-4.2", "12,346 tok/s", "61%", "512 MB", "1h 02m"):
        assert part in lines[0], lines[0]


def test_a_terminal_shows_one_live_line_and_lines_that_stay():
    from rich.console import Console

    console = Console(file=io.StringIO(), width=60, force_terminal=True)
    record = dict(loss=2.5, loss_z=3.5, grad_norm=1.0, norm_z=-4.25, tokens_per_second=12345.6)
    record |= dict(mfu=None, memory=512e6, skipped=False)
    with Display(console, 9) as display:
        display.step({"step": 3, **record}, 10)
        display.say("step 3: validation [bold]as it is[/bold]")
    text = console.file.getvalue()
    assert "step 3/9 | loss 2.5000" in text and "[bold]as it is[/bold]" in text


def test_durations():
    said = [duration(s) for s in (3.4, 200, 7500, math.inf)]
    assert said == ["3s", "3m 20s", "2h 05m", "?"]


def test_bytes_of_tokens_are_those_of_the_text():
    """The end of a word is a space there, and ▁ is one, whose spelling is longer."""
    words = Tokenizer.train("low lower", vocab_size=60, split="words", min_frequency=1)
    pieces = tokenizer()
    for tok, wanted in ((words, "low low "), (pieces, " low low")):
        assert bytes_per_token(tok)[tok.encode("low low")].sum() == len(wanted)
        assert not bytes_per_token(tok)[[*tok.special_tokens.values()]].any()


def test_bits_per_byte_are_the_definition(tmp_path):
    """A uniform model needs log2(V) bits a token; the end of text costs but is no byte."""
    tok, model = ByteTokenizer(), BigramModel()
    write_shards(["ab"] * 20, tmp_path / "s", tok, held_out=0)
    for array in model.parameters().values():
        array[...] = 0
    counts = bytes_per_token(tok)
    assert counts.sum() == 256 and counts[tok.eos_id] == 0
    result = evaluate(model, TokenShards(tmp_path / "s"), counts, batch=4, context=16)
    assert result["val_loss"] == pytest.approx(math.log(257), rel=1e-6)
    # three blocks of 16 targets "b.ab.ab..." where . is the end of text
    targets = (("ab" + ".") * 20)[1:49]
    text = len(targets) - targets.count(".")
    assert result["val_tokens"] == 48
    assert result["val_bpb"] == pytest.approx(48 * math.log2(257) / text, rel=1e-6)
