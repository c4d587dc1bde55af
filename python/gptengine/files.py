"""Writing files and folders so that a crash or a full disk leaves the old or the new one; JSON.

Everything is written under a temporary name beside its place, forced to disk, then renamed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def atomic_write(path, content) -> None:
    """Replace the file at `path` by `content`: bytes, or a function that writes to a file."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        with explained(path), open(partial, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextlib.contextmanager
def atomic_folder(path):
    """Yield an empty temporary folder that takes the place of `path` when the block succeeds.

    An earlier folder of that name stays readable until the new one is complete: it is renamed
    aside, the new one takes its name, then the old one goes. `recover` ends a swap cut in two.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    recover(path)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    partial.mkdir()
    try:
        with explained(path):
            yield partial
            for folder, _, names in os.walk(partial):
                for name in names:
                    _sync_file(Path(folder) / name)
                sync_folder(folder)
        _swap(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def recover(path) -> None:
    """Finish or undo a swap of `path` that a crash interrupted; does nothing otherwise."""
    path, old = Path(path), _aside(path)
    if not old.exists():
        return
    for _ in range(10):  # a swap under way in another process takes microseconds
        if path.exists():
            break
        time.sleep(0.01)
    if path.exists():
        shutil.rmtree(old, ignore_errors=True)
        return
    with contextlib.suppress(FileNotFoundError):
        os.rename(old, path)
        sync_folder(path.parent)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def _swap(new: Path, path: Path) -> None:
    old = _aside(path)
    while True:
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)
            os.rename(path, old)
        try:
            os.rename(new, path)
            break
        except OSError as error:  # a reader took the gap for a crash and put the old one back
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    sync_folder(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def _remove_abandoned(path: Path) -> None:
    prefix = f".{path.name}.partial-"
    for sibling in path.parent.glob(f"{prefix}*"):
        pid = sibling.name[len(prefix) :]
        if pid.isdigit() and (int(pid) == os.getpid() or not _alive(int(pid))):
            shutil.rmtree(sibling, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def explained(path):
    """Turn a full disk into a ValueError that says what was not written and what is free."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        free = shutil.disk_usage(Path(path).parent).free
        raise ValueError(
            f"cannot write {path}: {os.strerror(error.errno).lower()} ({free:,} bytes free); "
            f"what was there before is untouched"
        ) from error


def read_json(path) -> dict:
    """The JSON object in a file; anything else in it is a ValueError that names the file."""
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path}: not a JSON object")
    return values


def read_log(path) -> list[dict]:
    """The objects of a .jsonl file, without a line that a crash cut short; [] without a file."""
    path, records = Path(path), []
    if not path.exists():
        return []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records


def sync_folder(path) -> None:
    """Force a folder's entries to disk, so that a rename survives a power cut."""
    _sync_file(path)


def _sync_file(path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
