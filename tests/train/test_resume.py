"""A run that is killed, stopped or cut and started again ends with the same bits.

The bigram model tests the loop; the engine's model tests the engine and its state too.
"""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from data.byte_tokenizer import ByteTokenizer
from gptengine.checkpoint import load_state
from gptengine.data import write_shards
from gptengine.tokenizer import Tokenizer
from gptengine.train.checkpoints import checkpoints
from gptengine.train.pretrain import pretrain
from train.run_small import engine

SCRIPT = Path(__file__).with_name("run_small.py")
TEXT = "".join(f"{i} sheep and {i * i} wolves\n" for i in range(600))


@pytest.fixture
def data(tmp_path, request):
    kind = getattr(request, "param", "engine")
    tok = ByteTokenizer() if kind == "bigram" else Tokenizer.bytes()
    write_shards([TEXT], tmp_path / "data", tok)
    return tmp_path / "data"


def start(kind, out, data, *changes):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), kind, str(out), str(data), *changes],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # for so small a model two threads on a busy machine are slower than one
        env=os.environ | {"PYTHONUNBUFFERED": "1", "GPTE_THREADS": "1"},
    )


def finish(process):
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output


def wait_for_step(process, step):
    """Read the child's lines until it has done `step` steps; False if it ended first."""
    for line in process.stdout:
        if line.startswith("step ") and int(line.split()[1].split("/")[0].rstrip(":")) >= step:
            return True
    return False


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize("data", ["bigram", "engine"], indirect=True)
def test_ten_kills_do_not_change_a_bit(tmp_path, data, request):
    kind = request.node.callspec.params["data"]
    finish(start(kind, tmp_path / "whole", data))
    rng = np.random.default_rng(0)
    kills = 0
    for at in sorted(rng.integers(1, 290, 10)):
        process = start(kind, tmp_path / "cut", data)
        if wait_for_step(process, at):
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate(timeout=120)
    finish(start(kind, tmp_path / "cut", data))
    assert kills >= 8
    assert weights(checkpoints(tmp_path / "whole")[-1]) == weights(
        checkpoints(tmp_path / "cut")[-1]
    )
    assert weights(tmp_path / "whole/best") == weights(tmp_path / "cut/best")


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_signal_saves_and_ends(tmp_path, data, number, code):
    process = start("engine", tmp_path / "run", data)
    assert wait_for_step(process, 20)
    process.send_signal(number)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == code
    newest = checkpoints(tmp_path / "run")[-1]
    assert f"saved {newest}; the same call or command goes on from there" in output
    if number == signal.SIGINT:
        assert output.splitlines()[-1].startswith("KeyboardInterrupt: stopped at step")
    assert int(newest.name[5:]) >= 20
    finish(start("engine", tmp_path / "run", data))


def test_a_closed_pipe_saves_and_ends(tmp_path, data):
    process = start("engine", tmp_path / "run", data, "steps=100000")
    assert wait_for_step(process, 1)
    process.stdout.close()  # and with it stderr, as `2>&1 | head` does
    assert process.wait(timeout=60) == 128 + signal.SIGPIPE
    assert checkpoints(tmp_path / "run")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_every_cut_gives_the_same_weights_and_state(tmp_path, data, dtype):
    """Ten steps at once, and in pieces of 1, 4 and 5 steps with a new model for each."""
    settings = dict(steps=10, batch=4, lr=0.01, eval_every=3, checkpoint_every=1, sample_every=5)
    settings |= dict(keep=20, console=Console(file=io.StringIO()))

    def run(out, until):
        model, tok = engine(dtype)
        for record in pretrain.iter(model, tok, data, tmp_path / out, **settings):
            if record["step"] == until:
                break

    run("whole", 10)
    for until in (1, 5, 10):
        run("cut", until)
    for step in range(1, 11):
        one, two = (tmp_path / out / f"checkpoints/step-{step:08d}" for out in ("whole", "cut"))
        assert weights(one) == weights(two), step
        states = [load_state(folder / "state.safetensors")[0] for folder in (one, two)]
        for name in states[0]:
            np.testing.assert_array_equal(
                states[0][name], states[1][name], err_msg=f"{step} {name}"
            )


def test_the_engine_learns_the_text(tmp_path, data):
    model, tok = engine()
    settings = dict(steps=150, lr=0.01, batch=16, console=Console(file=io.StringIO()))
    run = pretrain(model, tok, data, tmp_path / "run", **settings)
    assert run.val_loss < 1.6
