"""The thread pool: the same bits for any number of threads, under fork and under Python threads."""

import os
import re
import threading

import numpy as np
import pytest

from core.run import run
from gptengine import _core
from ops.harness import NONE, put, zeros


@pytest.fixture(autouse=True)
def same_threads_after():
    before = _core.threads()
    yield
    _core.set_threads(before)


def work(seed=0):
    """Operators that cut their work into chunks of rows, of columns and of tiles."""
    rng = np.random.default_rng(seed)
    N, C, V = 200, 130, 300
    x, w, head = (put(rng.normal(size=s)) for s in [(N, C), C, (V, C)])
    y, rstd, logits, dx, dw = zeros(N, C), zeros(N), zeros(N, V), zeros(N, C), zeros(C)
    _core.rms_norm_forward(y, rstd, x, w, 1e-5)
    _core.linear_forward(logits, NONE, y, head, NONE, NONE, _core.Activation.none)
    _core.rms_norm_backward(dx, dw, y, x, w, rstd)
    return [t.numpy() for t in (y, logits, dx, dw)]


def assert_same(results, wants):
    for result, want in zip(results, wants, strict=True):
        np.testing.assert_array_equal(result, want)


def test_bits_do_not_depend_on_the_number_of_threads():
    _core.set_threads(1)
    want = work()
    for threads in 2, 3, 8, 1:
        _core.set_threads(threads)
        assert _core.threads() == threads
        for _ in range(5):
            assert_same(work(), want)


def test_many_python_threads_call_at_once():
    _core.set_threads(3)
    wants = [work(seed) for seed in range(6)]
    failures = []

    def caller(seed):
        try:
            for _ in range(20):
                assert_same(work(seed), wants[seed])
        except AssertionError as error:
            failures.append(error)

    callers = [threading.Thread(target=caller, args=(seed,)) for seed in range(6)]
    for thread in callers:
        thread.start()
    for threads in [2, 3, 1, 4] * 10:  # while they compute
        _core.set_threads(threads)
    for thread in callers:
        thread.join()
    assert not failures


def test_set_threads_names_the_limits():
    for n in 0, -1, 1025:
        with pytest.raises(ValueError, match=f"set_num_threads: {n} must be from 1 to 1024"):
            _core.set_threads(n)
    with pytest.raises(TypeError):
        _core.set_threads("2")


def test_threads_follow_the_environment():
    assert run("print(_core.threads())", GPTE_THREADS="3") == (0, "3", "")
    for text in "0", "-2", "x", "2x", "", "99999":
        status, _, errors = run("_core.threads()", GPTE_THREADS=text)
        assert status == 1
        assert errors.endswith(
            f'ValueError: GPTE_THREADS: "{text}" must be a number from 1 to 1024'
        )


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs processor affinity")
def test_threads_follow_the_affinity():
    script = """
os.environ.pop("GPTE_THREADS", None)
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
print(_core.available_threads(), _core.threads())"""
    assert run(script) == (0, "1 1", "")


FORK = """
from core.test_parallel import work, assert_same
_core.set_threads(3)
want = work()
{before}
for _ in range(5):
    child = os.fork()
    if child == 0:
        for _ in range(3):
            assert_same(work(), want)
        os._exit(7)
    assert_same(work(), want)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
{after}
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_computes_and_its_parent_goes_on():
    status, output, errors = run(FORK.format(before="", after=""), PYTHONWARNINGS="ignore")
    assert (status, output, errors) == (0, "done", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_while_another_thread_computes():
    """The child inherits the moment: a pool at work and a lock that its holder cannot release."""
    before = """
running = True
def others():
    while running:
        work()
other = threading.Thread(target=others)
other.start()"""
    after = "running = False\nother.join()"
    script = FORK.format(before=before, after=after)
    status, output, errors = run(script, PYTHONWARNINGS="ignore")
    assert (status, output, errors) == (0, "done", "")


NO_MEMORY = """
import resource
from core.test_parallel import work, assert_same
def limit(more):
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, -1))
"""
needs_limits = pytest.mark.skipif(
    not os.path.exists("/proc/self/statm") or "libasan" in os.environ.get("LD_PRELOAD", ""),
    reason="needs /proc and an address space of its own size",
)


@needs_limits
def test_no_memory_inside_a_chunk_is_an_error_of_the_call():
    """Attention's work memory grows with the segment; later calls find the pool whole."""
    script = """
_core.set_threads(3)
want = work()
N = 400_000
qkv, y, lse, dqkv = (_core.Tensor(s) for s in [[N, 12], [N, 4], [N, 2], [N, 12]])
dy, segments = _core.Tensor([N, 4]), _core.Tensor.share(np.array([0, N], np.int32))
limit(4 << 20)
for _ in range(3):
    try:
        _core.attention_backward(
            dqkv, dy, qkv, y, lse, segments, _core.Tensor(), 2, 2, 1.0, True, 0
        )
    except MemoryError as error:
        print(error)
    assert_same(work(), want)
    short = _core.Tensor.share(np.array([0, 5], np.int32))
    of = lambda t: _core.Tensor.share(t.numpy()[:5])
    _core.attention_backward(
        of(dqkv), of(dy), of(qkv), of(y), of(lse), short, _core.Tensor(), 2, 2, 1.0, True, 0
    )
"""
    status, output, errors = run(NO_MEMORY + script)
    assert (status, errors) == (0, "")
    assert [line.split()[:2] for line in output.splitlines()] == [["cannot", "allocate"]] * 3


@needs_limits
def test_threads_that_cannot_start_are_named():
    script = """
_core.set_threads(1)
want = work()
limit(100 << 20)
threading.stack_size()
_core.set_threads(1000)
for _ in range(2):
    try:
        work()
    except ValueError as error:
        print(error)
_core.set_threads(2)
assert_same(work(), want)
"""
    status, output, errors = run(NO_MEMORY + script)
    assert (status, errors) == (0, "")
    first, second = output.splitlines()
    assert re.fullmatch(r"threads: only [1-9]\d* of 1000 .*set_threads.*", first)
    assert second.startswith("threads: only ")


def test_the_process_ends_while_threads_compute():
    script = """
from core.test_parallel import work
_core.set_threads(3)
def forever():
    while True:
        work()
for _ in range(3):
    threading.Thread(target=forever, daemon=True).start()
work()
print("done")"""
    status, output, errors = run(script)
    assert (status, output, errors) == (0, "done", "")


def test_quota_of_a_cgroup_and_its_parents(tmp_path):
    def quota(line):
        (tmp_path / "cgroup").write_text(line + "\n")
        return _core.cgroup_cpus(str(tmp_path / "cgroup"), str(tmp_path))

    (tmp_path / "cpu/a/b").mkdir(parents=True)
    (tmp_path / "slice/job").mkdir(parents=True)
    assert quota("0::/slice/job") == 0
    (tmp_path / "slice/job/cpu.max").write_text("max 100000\n")
    assert quota("0::/slice/job") == 0
    (tmp_path / "slice/cpu.max").write_text("150000 100000\n")
    assert quota("0::/slice/job") == 1.5
    (tmp_path / "slice/job/cpu.max").write_text("50000 100000\n")
    assert quota("0::/slice/job") == 0.5
    assert quota("0::/slice") == 1.5 and quota("0::/") == 0
    (tmp_path / "cpu/a/b/cpu.cfs_quota_us").write_text("300000\n")
    (tmp_path / "cpu/a/b/cpu.cfs_period_us").write_text("100000\n")
    assert quota("3:cpu,cpuacct:/a/b") == 3 and quota("4:memory:/a/b") == 0
    (tmp_path / "cpu.max").write_text("200000 100000\n")
    assert quota("0::/of/the/host") == 2
