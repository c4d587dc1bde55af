"""Where tasks are done: processes of this machine, or whatever is a concurrent.futures.Executor.

A run takes any executor, and its result is the same on each. Dask's is `Client().get_executor()`;
Ray has none, so `RayExecutor` is one. Both need the run's folder on a file system that all
machines see.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import threading
from concurrent.futures import Executor, Future


class Inline(Executor):
    """Does each task at once, in this process."""

    def submit(self, fn, /, *args, **kwargs) -> Future:
        future: Future = Future()
        future.set_running_or_notify_cancel()
        future.set_result(fn(*args, **kwargs))  # what it raises ends the stage here
        return future


class RayExecutor(Executor):
    """Tasks as Ray's remote functions. ray: the module, after `ray.init`."""

    def __init__(self, ray, **options):
        """options: of `ray.remote`, such as num_cpus=1."""
        self._ray, self._options = ray, options

    def submit(self, fn, /, *args, **kwargs) -> Future:
        remote = self._ray.remote(**self._options)(fn) if self._options else self._ray.remote(fn)
        return remote.remote(*args, **kwargs).future()


def local(workers: int) -> Executor:
    """An executor of so many processes; of one, this process itself.

    They are spawned and not forked: a fork would copy locks that threads of the engine hold.
    """
    if workers < 1:
        raise ValueError(f"curate: {workers} workers must be at least 1")
    if workers == 1:
        return Inline()
    context = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(workers, context, _begin_worker)


def _begin_worker() -> None:
    """Before the engine is loaded: the processes are the threads, and none outlives its parent."""
    os.environ["GPTE_THREADS"] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed tells nobody: its workers would wait for tasks for ever."""
    multiprocessing.parent_process().join()
    os._exit(1)
