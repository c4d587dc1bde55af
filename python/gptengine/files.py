"""Writing files and folders so that a crash or a full disk leaves the old or the new one; JSON.

Everything is written under a temporary name beside its place, forced to disk, then renamed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import fnmatch
import hashlib
import json
import mmap
import os
import shutil
import time
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR)


def let_go(mapped: mmap.mmap, begin: int, size: int) -> None:
    """Give back the pages of a mapped file that were read: till then they count as our memory.

    Whoever reads them again finds them in the system's cache.
    """
    start = begin // mmap.PAGESIZE * mmap.PAGESIZE
    mapped.madvise(mmap.MADV_DONTNEED, start, begin + size - start)


def atomic_write(path, content) -> None:
    """Replace the file at `path` by `content`: bytes, or a function that writes to a file.

    Through a link its target is replaced. What is no regular file, a pipe or a device, is written
    to and stays, and so is what this process has open: /dev/stdout goes on where it is. Errors
    name `path`.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path}: a folder stands where a file should be: choose another name")
    opened = descriptor_of(path)
    if opened is not None or (path.exists() and not path.is_file()):
        with explained(path), open(path if opened is None else os.dup(opened), "wb") as file:
            _fill(file, content)
        return
    target = _resolved(path)
    partial = _partial(target)
    try:
        with explained(path), open(partial, "wb") as file:
            _fill(file, content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except OSError as error:
        if error.filename == str(partial):
            error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):  # what was wrong with its name has been said
            partial.unlink()
    sync_folder(target.parent)


def descriptor_of(path) -> int | None:
    """The number of the open file that `path` is another name of, as /dev/stdout is of 1."""
    opened = os.path.realpath("/proc/self/fd")
    while os.path.islink(path) and os.path.exists(path):
        folder = os.path.realpath(os.path.dirname(path) or ".")
        if folder == opened:
            return int(os.path.basename(path))
        path = os.path.join(folder, os.readlink(path))
    return None


def _fill(file, content) -> None:
    if callable(content):
        content(file)
    else:
        file.write(content)


@contextlib.contextmanager
def atomic_folder(path, replaces=()):
    """Yield an empty temporary folder that takes the place of `path` when the block succeeds.

    An earlier folder of that name stays readable until the new one is complete: it is renamed
    aside, the new one takes its name, then the old one goes. `recover` ends a swap cut in two.
    What lies in the earlier folder and is not written anew stays, but for files at its top whose
    names match the patterns `replaces`.
    """
    path = _resolved(path)
    _check_replaceable(path)
    with folder_in_use(path.parent):
        _remove_abandoned(path)
        recover(path)
        partial = _partial(path)
        try:
            with explained(path):
                partial.mkdir()
                yield partial
                for folder, _, names in os.walk(partial):
                    for name in names:
                        _sync_file(Path(folder) / name)
                if path.exists():
                    _carry_over(path, partial, replaces)
                for folder, _, _ in os.walk(partial):
                    sync_folder(folder)
            _swap(partial, path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def folder_in_use(path):
    """Make a folder and those above it; the new ones go again if the block fails and left nothing.

    So what is refused leaves no empty folders behind.
    """
    path = Path(path)
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    with explained(path):
        path.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    except BaseException:
        with contextlib.suppress(OSError):  # the first that is not empty ends it
            for folder in made:
                folder.rmdir()
        raise


@contextlib.contextmanager
def locked(folder, doing="training", shared=False, name=".lock", wait=False):
    """Be the only process that works in a folder, or refuse; a lock alone does not stay behind.

    shared: others that share may work there too. doing: what the others are told. name: of the
    lock, where a folder has several. wait: for the others instead of refusing.
    """
    path = Path(folder) / name
    with explained(path):
        file = open(path, "w")
    with file:
        try:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{folder}: another process is {doing} there") from None
        try:
            yield
        finally:
            if os.listdir(folder) == [path.name]:
                path.unlink()


def recover(path) -> None:
    """Finish or undo a swap of `path` that a crash interrupted; does nothing otherwise."""
    path = _resolved(path)
    old = _aside(path)
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


def _resolved(path) -> Path:
    """What `path` leads to, if it is a link: a rename would replace the link."""
    return Path(os.path.realpath(path))


def _check_replaceable(path: Path) -> None:
    with explained(path):
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(path))
    here = Path.cwd()
    if path in (here, *here.parents):
        raise ValueError(f"cannot replace {path}: the current folder is in it; choose another")


def _carry_over(old: Path, new: Path, replaces=()) -> None:
    """Link what is in the folder `old` alone into `new`; copy it where that cannot be."""
    with os.scandir(old) as entries:
        for entry in entries:
            source, target = old / entry.name, new / entry.name
            if entry.is_dir(follow_symlinks=False):
                if target.is_file():
                    raise ValueError(f"cannot write {source}: a folder of that name is in the way")
                if not target.exists():
                    target.mkdir()
                    shutil.copymode(source, target)
                _carry_over(source, target)
            elif not os.path.lexists(target) and not _matches(entry.name, replaces):
                try:
                    os.link(source, target, follow_symlinks=False)
                except OSError:
                    shutil.copy2(source, target, follow_symlinks=False)
                    if target.is_file() and not target.is_symlink():
                        _sync_file(target)


def _matches(name: str, patterns) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


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


def _partial(path: Path, process: int | str = "") -> Path:
    """Where this process builds what will be `path`; others, also of other machines, elsewhere."""
    host = hashlib.blake2b(os.uname().nodename.encode(), digest_size=4).hexdigest()
    return path.with_name(f".{path.name}.partial-{host}-{process or os.getpid()}")


def _remove_abandoned(path: Path) -> None:
    prefix = _partial(path, "0").name.removesuffix("0")
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
    """Turn what a disk refuses into a ValueError that names the path and says what to do."""
    try:
        yield
    except OSError as error:
        short = error.errno is None and str(error).endswith(" written")  # what NumPy says of it
        reason = os.strerror(errno.ENOSPC if short else error.errno or 0).lower()
        if short or error.errno in FULL:
            if Path(path).is_dir() or not os.path.lexists(path) or Path(path).is_file():
                free = shutil.disk_usage(Path(path).parent).free
                reason += f" ({free:,} bytes free); what was there before is untouched"
        elif error.errno in FORBIDDEN:
            reason += ": choose a folder that you can write to"
        elif error.errno in IN_THE_WAY:
            reason = "a file stands where a folder should be: choose another folder"
        else:
            raise
        raise ValueError(f"cannot write {path}: {reason}") from error


def write_json(path, values, sort_keys: bool = False) -> None:
    """Write JSON values as people read them, in one step."""
    atomic_write(path, (json.dumps(values, indent=2, sort_keys=sort_keys) + "\n").encode())


def read_json(path) -> dict:
    """The JSON object in a file; anything else in it is a ValueError that names the file."""
    return parse_object(Path(path).read_bytes(), path)


def parse_object(text: str | bytes, where) -> dict:
    """The JSON object in a text; anything else is a ValueError that begins with `where`."""
    try:
        values = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{where}: not JSON: {error}") from None
    except RecursionError:
        raise ValueError(f"{where}: not JSON that can be read: nested too deeply") from None
    if not isinstance(values, dict):
        raise ValueError(f"{where}: not a JSON object")
    return values


def read_log(path) -> list[dict]:
    """The objects of a .jsonl file, without a line that a crash cut short; [] without a file."""
    path, records = Path(path), []
    if not path.exists():
        return []
    for line in path.read_bytes().split(b"\n"):  # in a sample other characters end lines too
        with contextlib.suppress(ValueError):
            records.append(parse_object(line.decode("utf-8", "replace"), path))
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
