"""The only writer: a name is visible only once its content is complete and on the disk.

A file is written under a temporary name in its own folder, flushed, renamed over its final name,
and the folder is flushed too. A crash at any moment leaves the old content or the new one.
`publish_folder` does the same for a folder of files.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from videosketcher_app.core import faults
from videosketcher_app.core.errors import CannotWrite

# .<name>.<pid>-<process>-<number>.tmp<suffix>: enough to know whether its writer still lives.
_LEFTOVER = re.compile(
    r"\.(?P<name>.+)\.(?P<pid>\d+)-(?P<process>[0-9a-f]{8})-\d+\.(?P<kind>tmp|old)(\.\w+)?"
)
_process = secrets.token_hex(4)
_numbers = itertools.count()
_swapping = threading.Lock()


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a whole file.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full; the old file is untouched.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(data)


def write_text(path: Path, text: str) -> None:
    """Writes a whole file as UTF-8 with line feeds, on every system.

    Raises:
        CannotWrite: see `write_bytes`.
    """
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: object) -> None:
    """Writes JSON in the order of its keys, indented, with a final line feed.

    Raises:
        CannotWrite: see `write_bytes`.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Lends a temporary path with the same suffix, and renames it to `path` at the end.

    The block does nothing but create and close that file: its OSErrors are reported as trouble
    with `path`. If the block raises, nothing remains.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full; the old file is untouched.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _beside(path, "tmp", path.suffix)
        try:
            faults.point("atomic.opened")
            yield temporary
            faults.point("atomic.written")
            _flush_file(temporary)
            faults.point("atomic.before_replace")
            os.replace(temporary, path)  # noqa: PTH105 - one name for the system call in the tests
            faults.point("atomic.replaced")
        finally:
            temporary.unlink(missing_ok=True)
        _flush_folder(path.parent)


def adopt(complete: Path, path: Path) -> None:
    """Gives a file that grew beside `path`, and is complete now, its final name.

    Raises:
        CannotWrite: the folder cannot be written; the file keeps its old name.
    """
    with explained(path):
        _flush_file(complete)
        faults.point("atomic.before_replace")
        os.replace(complete, path)  # noqa: PTH105 - one name for the system call in the tests
        faults.point("atomic.replaced")
        _flush_folder(path.parent)


@contextmanager
def publish_folder(target: Path) -> Iterator[Path]:
    """Lends an empty folder beside `target`, which takes its name, whole, at the end.

    A folder that had the name before is replaced. A crash between the two renames leaves the old
    folder under a hidden name, from which `sweep_leftovers` or the next publication restores it.

    Raises:
        CannotWrite: the parent folder cannot be written or the disk is full.
    """
    with explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent, only=target.name)
        temporary = _beside(target, "tmp", "")
        temporary.mkdir()
        try:
            faults.point("folder.created")
            yield temporary
            faults.point("folder.filled")
            _flush_tree(temporary)
            with _swapping:
                _swap(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def sweep_leftovers(folder: Path) -> int:
    """Removes what dead processes left half-written in `folder`, restores what they had moved.

    Returns the number of leftovers dealt with. Files of living processes stay.
    """
    if not folder.is_dir():
        return 0
    with explained(folder):
        return _sweep(folder, only=None)


def _swap(temporary: Path, target: Path) -> None:
    aside: Path | None = None
    if target.exists():
        aside = _beside(target, "old", "")
        target.rename(aside)
    try:
        faults.point("folder.moved_aside")
        temporary.rename(target)
    except BaseException:
        if aside is not None:
            aside.rename(target)
        raise
    faults.point("folder.published")
    _flush_folder(target.parent)
    if aside is not None:
        shutil.rmtree(aside)


def _sweep(folder: Path, *, only: str | None) -> int:
    swept = 0
    for entry in sorted(folder.iterdir()):
        match = _LEFTOVER.fullmatch(entry.name)
        if not match or only not in (None, match["name"]) or _lives(match):
            continue
        original = folder / match["name"]
        if match["kind"] == "old" and not original.exists():
            entry.rename(original)
        elif entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
        swept += 1
    return swept


def _lives(leftover: re.Match[str]) -> bool:
    pid = int(leftover["pid"])
    if pid == os.getpid():
        # Containers hand out the same process ids again, so the id alone proves nothing.
        return leftover["process"] == _process
    return psutil.pid_exists(pid)


def _beside(path: Path, kind: str, suffix: str) -> Path:
    name = f".{path.name}.{os.getpid()}-{_process}-{next(_numbers)}.{kind}{suffix}"
    return path.with_name(name)


def _flush_tree(folder: Path) -> None:
    for entry in sorted(folder.rglob("*"), reverse=True):
        if entry.is_file():
            _flush_file(entry)
        elif entry.is_dir():
            _flush_folder(entry)
    _flush_folder(folder)


def _flush_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    faults.point("atomic.synced")


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows keeps folder entries in its own journal and has no such call.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    faults.point("atomic.folder_synced")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what the system says into a sentence that names the path and what to do.

    Raises:
        CannotWrite: the block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise _explain(error, path) from error


def _explain(error: OSError, path: Path) -> CannotWrite:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return CannotWrite(
            f"There is no room to write {path}: {_free_mb(path)} MB are free.",
            hint="Free some space or choose another folder.",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return CannotWrite(
            f"The folder {path.parent} cannot be written.",
            hint="Choose another folder or change its permissions.",
        )
    if error.errno == errno.ENAMETOOLONG:
        return CannotWrite(
            f"The name {path.name[:60]!r} is too long for this disk.", hint="Choose a shorter name."
        )
    if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
        return CannotWrite(
            f"{path} cannot be written: a file or folder of another kind is in the way.",
            hint="Move it or choose another folder.",
        )
    return CannotWrite(
        f"{path} cannot be written: {error.strerror or error}.", hint="Choose another folder."
    )


def _free_mb(path: Path) -> int:
    for folder in path.parents:
        if folder.is_dir():
            return shutil.disk_usage(folder).free // 1_000_000
    return 0
