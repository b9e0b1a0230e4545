"""Whole folders (and single files): moved, copied and removed so that a crash leaves one complete copy of each."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from videosketcher_app.core import faults
from videosketcher_app.core.errors import CannotWrite
from videosketcher_app.storage import atomic

_OTHER_DISK = {errno.EXDEV}


def move_folder(source: Path, target: Path) -> None:
    """Moves a folder to a free name, to another disk if need be.

    Between disks the copy appears complete before the source goes; a crash in between leaves both.

    Raises:
        CannotWrite: the source is gone, the target is taken, or a folder cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise FileExistsError(errno.EEXIST, "the name is taken")
        faults.point("folder.moving")
        _rename_or_copy(source, target)
        faults.point("folder.moved")
    except OSError as error:
        raise CannotWrite(
            f"The folder {source.name} cannot be moved: {error.strerror or error}.",
            hint="Close programs that show its files, or check the permissions.",
        ) from error


def remove_file(path: Path) -> None:
    """Removes a file, if it is there.

    Raises:
        CannotWrite: it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CannotWrite(
            f"The file {path.name} cannot be removed: {error.strerror or error}.",
            hint="Close programs that use it, or check the permissions.",
        ) from error


def copy_folders(sources: Sequence[Path], target: Path) -> None:
    """Copies folders side by side into a new folder that appears complete.

    Raises:
        CannotWrite: a source is gone, or the disk is full.
    """
    with atomic.publish_folder(target) as temporary:
        for source in sources:
            shutil.copytree(source, free_path(temporary, source.name))


def remove_folder(folder: Path) -> None:
    """Removes a folder and everything in it; one that is not there is no error.

    Raises:
        CannotWrite: something in it cannot be removed.
    """
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CannotWrite(
            f"The folder {folder.name} cannot be removed: {error.strerror or error}.",
            hint="Close programs that show its files, or check the permissions.",
        ) from error


def free_path(folder: Path, name: str) -> Path:
    """`name` in `folder`, or the first of `<name>_2`, `<name>_3`, ... that is free."""
    candidate, number = folder / name, 2
    while candidate.exists():
        candidate, number = folder / f"{name}_{number}", number + 1
    return candidate


def _rename_or_copy(source: Path, target: Path) -> None:
    try:
        os.rename(source, target)  # noqa: PTH104 - one name for the system call in the tests
    except OSError as error:
        if error.errno not in _OTHER_DISK:
            raise
        with atomic.publish_folder(target) as temporary:
            shutil.copytree(source, temporary, dirs_exist_ok=True)
        shutil.rmtree(source)
