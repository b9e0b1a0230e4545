"""A file that is still arriving: its bytes under a hidden name, and beside them what they are part of.

`.NAME.part` holds the bytes, `.NAME.part.json` says which file they belong to. Both survive the
process. A part of another file (other hash, other length) is never continued.
"""

from __future__ import annotations

import json
import os
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any

from videosketcher_app.core import faults
from videosketcher_app.core.errors import CannotWrite
from videosketcher_app.storage import atomic
from videosketcher_app.storage.downloads.hubs import RemoteFile
from videosketcher_app.storage.file_locks import try_lock
from videosketcher_app.storage.folders import remove_file

SUFFIX = ".part"
_MAX_NOTE_BYTES = 10_000


def part_path(target: Path) -> Path:
    """Where the bytes of a file wait until it is whole."""
    return target.with_name(f".{target.name}{SUFFIX}")


def num_bytes_waiting(target: Path) -> int:
    """How much of a file has arrived; 0 if there is no part of it."""
    try:
        return part_path(target).stat().st_size
    except OSError:
        return 0


def remove_part(target: Path) -> None:
    """Forgets what has arrived of a file.

    Raises:
        CannotWrite: it cannot be removed.
    """
    remove_file(part_path(target))
    remove_file(_note_path(target))


class Part:
    """The bytes of one remote file that are on the disk; used as a context, by one process.

    Args:
        target: the final name.
        remote: what the hub says of the file.

    Raises:
        CannotWrite: the folder cannot be written, or another process brings the same file.
    """

    def __init__(self, target: Path, remote: RemoteFile) -> None:
        self.target, self.remote, self.path = target, remote, part_path(target)
        self.num_bytes = 0
        self.etag: str | None = None
        self.is_complete = False
        self._file: FileIO | None = None

    def __enter__(self) -> Part:
        with atomic.explained(self.target):
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab", buffering=0)
        if not try_lock(self._file.fileno()):
            self._file.close()
            raise CannotWrite(
                f"{self.target.name} is being downloaded by another process.",
                hint="Wait for it, or stop it.",
            )
        try:
            self.num_bytes = self._file.tell()
            self._look_back()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._close()

    def start_over(self, *, etag: str | None = None) -> None:
        """Throws the bytes away.

        Args:
            etag: of the bytes that come next, by the server that sends them.
        """
        file = self._open()
        with atomic.explained(self.target):
            file.truncate(0)
            file.seek(0)
        self.num_bytes, self.is_complete = 0, False
        self.note(etag)

    def note(self, etag: str | None) -> None:
        """Remembers which file the bytes belong to."""
        self.etag = etag
        atomic.write_json(_note_path(self.target), {**self._identity(), "etag": etag})

    def append(self, chunk: bytes) -> None:
        """Adds what came next, and hands it to the system at once.

        Raises:
            CannotWrite: the disk is full or broken; what was written before stays.
        """
        rest = memoryview(chunk)
        with atomic.explained(self.target):
            while rest:
                faults.point("download.write")
                written = self._open().write(rest)
                self.num_bytes += written
                rest = rest[written:]
        if self.num_bytes == self.remote.num_bytes:
            self.is_complete = True

    def finish(self) -> None:
        """Gives the bytes their final name.

        Raises:
            CannotWrite: the folder cannot be written.
        """
        self._close()
        faults.point("download.verified")
        atomic.adopt(self.path, self.target)
        remove_file(_note_path(self.target))

    def _look_back(self) -> None:
        """Goes on with what is there only if it is part of this very file."""
        note = _read_note(self.target)
        same = note is not None and {key: note.get(key) for key in self._identity()} == (
            self._identity()
        )
        too_long = self.remote.num_bytes is not None and self.num_bytes > self.remote.num_bytes
        if not same or too_long:
            self.start_over()
            return
        etag = note.get("etag") if note else None
        self.etag = etag if isinstance(etag, str) else None
        self.is_complete = self.num_bytes == self.remote.num_bytes

    def _identity(self) -> dict[str, Any]:
        """What makes a file this file; without a hash, the place that it comes from."""
        remote = self.remote
        known = remote.sha256 or remote.git_sha1
        return {
            "sha256": remote.sha256,
            "git_sha1": remote.git_sha1,
            "num_bytes": remote.num_bytes,
            "url": None if known else remote.url,
        }

    def _open(self) -> FileIO:
        assert self._file is not None, "used outside its context"
        return self._file

    def _close(self) -> None:
        file, self._file = self._open(), None
        with atomic.explained(self.target):
            try:
                os.fsync(file.fileno())
            finally:
                file.close()


def _note_path(target: Path) -> Path:
    return target.with_name(f".{target.name}{SUFFIX}.json")


def _read_note(target: Path) -> dict[str, Any] | None:
    try:
        with _note_path(target).open("rb") as file:
            note = json.loads(file.read(_MAX_NOTE_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return note if isinstance(note, dict) else None
