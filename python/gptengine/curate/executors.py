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

    def stop(self) -> None:
        """Nothing runs any more."""


class RayExecutor(Executor):
    """Tasks as Ray's remote functions. ray: the module, after `ray.init`."""

    def __init__(self, ray, **options):
        """options: of `ray.remote`, such as num_cpus=1."""
        self._ray, self._options = ray, options

    def submit(self, fn, /, *args, **kwargs) -> Future:
        remote = self._ray.remote(**self._options)(fn) if self._options else self._ray.remote(fn)
        return remote.remote(*args, **kwargs).future()


class Processes(concurrent.futures.ProcessPoolExecutor):
    """Processes of this machine, which end when the one that began them does or says so.

    They are spawned and not forked: a fork would copy locks that threads of the engine hold.
    """

    def __init__(self, count: int):
        context = multiprocessing.get_context("spawn")
        ends, self._held = context.Pipe(duplex=False)
        super().__init__(count, context, _begin_worker, (ends,))

    def stop(self) -> None:
        """End them at once: what they are doing is done again by the next run."""
        self._held.close()
        self.shutdown(wait=False)


def local(workers: int) -> Inline | Processes:
    """An executor of so many processes; of one, this process itself."""
    if workers < 1:
        raise ValueError(f"curate: {workers} workers must be at least 1")
    return Inline() if workers == 1 else Processes(workers)


def _begin_worker(ends) -> None:
    """Before the engine is loaded: the processes are the threads, and none outlives its parent."""
    os.environ["GPTE_THREADS"] = "1"
    threading.Thread(target=_end_with, args=(ends,), daemon=True).start()


def _end_with(ends) -> None:
    """A parent that was killed tells nobody: its workers would wait for tasks for ever."""
    ends.poll(None)  # nothing is ever sent: its end is closed
    os._exit(1)
