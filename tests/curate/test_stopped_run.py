"""A disk that is full and a kill at any moment: what is said, what is left, and that it goes on."""

import json
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time

import pytest
import small_corpora as corpora

from gptengine.curate import run


@pytest.fixture
def recipe(tmp_path):
    found = corpora.three_sources(tmp_path / "texts") | {"exact": {"paragraph": 20}}
    (tmp_path / "recipe.json").write_text(json.dumps(found))
    return found


def command(tmp_path, out, workers=1):
    words = ["-m", "gptengine", "curate", "run", tmp_path / "recipe.json", "--out", out]
    return [sys.executable, *map(str, words), "--workers", str(workers)]


@pytest.mark.skipif(not shutil.which("unshare"), reason="no unshare")
@pytest.mark.parametrize("size", [24, 120, 240])
def test_a_full_disk(recipe, tmp_path, size):
    """On a disk of so many kilobytes, and on with the same command when there is room."""
    disk = tmp_path / "disk"
    disk.mkdir()
    begin = shlex.join(command(tmp_path, disk / "out"))
    script = f"""
        mount -t tmpfs -o size={size}k none {disk} || exit 99
        {begin} > /dev/null; echo code $?
        mount -o remount,size=99m {disk} && {begin} && cp -r {disk}/out {tmp_path}"""
    own = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    done = subprocess.run(own, capture_output=True, text=True)
    if done.returncode == 99 or done.stderr.startswith("unshare"):
        pytest.skip(f"no disk of an own: {done.stderr}")
    assert done.returncode == 0, done.stderr
    assert "code 2" in done.stdout
    error = done.stderr.splitlines()[0]
    assert error.startswith("gptengine: error: cannot write") and "no space left" in error
    run(recipe, tmp_path / "whole", workers=1)
    assert corpora.output_digest(tmp_path / "out") == corpora.output_digest(tmp_path / "whole")


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_any_moment(recipe, tmp_path, workers):
    """With what it leaves the same command ends as if nothing had been."""
    rng, words = random.Random(workers), command(tmp_path, tmp_path / "out", workers)
    start = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    whole, seconds = corpora.output_digest(tmp_path / "out"), time.perf_counter() - start
    shutil.rmtree(tmp_path / "out")
    for _ in range(3):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        time.sleep(seconds * rng.uniform(0.3, 1))
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(words, check=True, capture_output=True)
    assert corpora.output_digest(tmp_path / "out") == whole
    assert not [p for p in (tmp_path / "out").rglob(".*") if "partial" in p.name]
