"""A run that is killed between any two files ends, started again, as if it had not been."""

import multiprocessing
import os
import signal
import sys

import pytest
import small_corpora as corpora

from gptengine.curate import mix, run
from gptengine.curate.tasks import DONE

TOUCHES = ("open", "os.rename", "os.mkdir", "os.link", "os.remove")  # of files and folders
PLACES = 8


def work(recipe, out):
    run(recipe, out, workers=1)
    mix(recipe, out)


def killed(recipe, out, left, told):
    """As `work`, in a process that kills itself after `left` touches, and else tells how many."""

    def hook(event, args):
        nonlocal left
        if event in TOUCHES and str(out) in str(args[0]):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    work(recipe, out)
    told.value = -left


@pytest.mark.skipif(sys.platform != "linux", reason="a process with an engine may not fork")
def test_killed_between_any_two_files(tmp_path):
    recipe = corpora.three_sources(tmp_path / "texts")
    fork = multiprocessing.get_context("fork")
    told = fork.Value("q", 0)

    def child(name, left):
        process = fork.Process(target=killed, args=(recipe, tmp_path / name, left, told))
        process.start()
        process.join()
        return process.exitcode

    assert child("whole", 0) == 0 and told.value > 100
    whole = all_bytes(tmp_path / "whole")
    for place in range(PLACES):
        out = tmp_path / f"cut{place}"
        at = told.value * (2 * place + 1) // (2 * PLACES)
        assert child(out.name, at) == -signal.SIGKILL
        done = {path: path.stat().st_mtime_ns for path in out.glob(f"work/*/[!.]*/{DONE}")}
        work(recipe, out)
        assert all_bytes(out) == whole, f"killed at touch {at}"
        assert {path: path.stat().st_mtime_ns for path in done} == done, "done again"
    assert done, "the last is killed late"


def all_bytes(out):
    """Of documents and tokens, by name."""
    paths = (path for name in ("documents", "tokens") for path in (out / name).iterdir())
    return {path.relative_to(out): path.read_bytes() for path in paths}
