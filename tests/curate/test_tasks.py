"""Tasks: done once, named by what they depend on, on any executor, by one machine or many."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from gptengine.curate.executors import Inline, RayExecutor, local
from gptengine.curate.tasks import Shard, Task, Unfinished, is_done, remove_others, run_stage

CALLS = []


def write(folder, work, *files, number, **_):
    CALLS.append(number)
    (folder / "out").mkdir()
    (folder / "out/number.txt").write_text(str(number))


def fail(folder, work, **_):
    (folder / "half.txt").write_text("half")
    raise ValueError("this task cannot be done")


def tasks(n=5):
    return [Task("count", write, {"number": i}, size=10) for i in range(n)]


@pytest.fixture(autouse=True)
def forget():
    CALLS.clear()


def test_each_is_done_once(tmp_path):
    told = []
    assert run_stage(tasks(), tmp_path, Inline(), progress=lambda *x: told.append(x)) == 5
    assert told[-1] == (50, 50)
    assert run_stage(tasks(6), tmp_path, Inline()) == 1
    assert CALLS == [0, 1, 2, 3, 4, 5]
    assert (tasks()[3].folder(tmp_path) / "out/number.txt").read_text() == "3"


def test_the_key_is_of_settings_and_not_of_places(tmp_path):
    one, moved = (Task("s", write, {"number": 1}, (path,)) for path in ("a", "b"))
    assert one.key == moved.key != Task("s", write, {"number": 2}).key
    twice = [one, moved]
    assert run_stage(twice, tmp_path, Inline()) == 1  # the same content, under two names


def test_damaged_results_are_made_again(tmp_path):
    run_stage(tasks(), tmp_path, Inline())
    (tasks()[2].folder(tmp_path) / "out/number.txt").write_text("")
    assert not is_done(tasks()[2], tmp_path)
    assert run_stage(tasks(), tmp_path, Inline()) == 1 and CALLS[-1] == 2


def test_a_failure_ends_the_stage_and_leaves_nothing_half(tmp_path):
    with pytest.raises(ValueError, match="cannot be done"):
        run_stage([*tasks(2), Task("count", fail, {})], tmp_path, Inline())
    assert len(list((tmp_path / "count").iterdir())) == 2


@pytest.mark.parametrize("executor", [lambda: ThreadPoolExecutor(3), lambda: local(2)])
def test_other_executors(executor, tmp_path):
    with executor() as pool:
        assert run_stage(tasks(), tmp_path, pool) == 5
    assert all(is_done(task, tmp_path) for task in tasks())


class StandIn:
    """What of Ray the adapter uses: remote functions whose references become futures."""

    def __init__(self):
        self.options = []

    def remote(self, *functions, **options):
        self.options.append(options)
        wrap = lambda fn: type("Remote", (), {"remote": lambda self, *a: Reference(fn(*a))})()
        return wrap(*functions) if functions else wrap


class Reference:
    def __init__(self, value):
        self.value = value

    def future(self):
        future = Future()
        future.set_result(self.value)
        return future


def test_ray_is_an_executor(tmp_path):
    ray = StandIn()
    executor = RayExecutor(ray, num_cpus=1)
    assert isinstance(executor, Executor)
    assert run_stage(tasks(), tmp_path, executor) == 5 and ray.options[0] == {"num_cpus": 1}
    assert run_stage(tasks(7), tmp_path, RayExecutor(ray)) == 2


def test_shards_divide_a_stage(tmp_path):
    with pytest.raises(Unfinished, match="count: 3 of 5 tasks are not done") as left:
        run_stage(tasks(), tmp_path, Inline(), Shard(2, 2))
    assert CALLS == [1, 3] and left.value.missing == 3
    assert run_stage(tasks(), tmp_path, Inline(), Shard(1, 2)) == 3
    assert run_stage(tasks(), tmp_path, Inline(), Shard(2, 2, wait=True)) == 0


@pytest.mark.parametrize("text", ["", "3", "3/2", "0/2", "a/b", "-1/2", "1/2/3"])
def test_impossible_shards(text):
    with pytest.raises(ValueError, match="shard"):
        Shard.parse(text)


def test_results_of_other_recipes_go(tmp_path):
    run_stage(tasks(), tmp_path, Inline())
    remove_others(tasks(2), tmp_path)
    assert len(os.listdir(tmp_path / "count")) == 2


def test_the_largest_begin_first(tmp_path):
    """So that no long one is left when the others have ended."""
    sizes = [Task("count", write, {"number": i}, size=i % 3) for i in range(6)]
    run_stage(sizes, tmp_path, Inline())
    assert CALLS == [2, 5, 1, 4, 0, 3]


def die(folder, work, **_):
    os._exit(9)


def test_a_worker_that_dies_is_named(tmp_path):
    with local(2) as pool:
        for _ in range(2):  # the second time none is there to take a task
            with pytest.raises(ValueError, match="a worker died in count"):
                run_stage([Task("count", die, {})], tmp_path, pool)


def threads_of_a_worker():
    from gptengine import _core

    return _core.threads()


def test_workers_compute_with_one_thread_each():
    with local(2) as pool:
        assert pool.submit(threads_of_a_worker).result() == 1


PARENT = """
import os, signal
from gptengine.curate.executors import local

if __name__ == "__main__":
    pool = local(2)
    print(pool.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_end_with_a_parent_that_was_killed(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    done = subprocess.run([sys.executable, tmp_path / "parent.py"], capture_output=True, text=True)
    worker = int(done.stdout)
    for _ in range(100):
        if not _runs(worker):
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    pytest.fail(f"worker {worker} outlived its parent by 10 s")


def test_workers_that_are_stopped_end_at_once():
    pool = local(2)
    worker = pool.submit(os.getpid).result()
    pool.submit(time.sleep, 600)
    pool.stop()
    for _ in range(100):
        if not _runs(worker):
            return
        time.sleep(0.1)
    pytest.fail(f"worker {worker} still runs")


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False


def test_no_workers():
    with pytest.raises(ValueError, match="0 workers"):
        local(0)
