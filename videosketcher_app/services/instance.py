"""One app a workspace: the lock that the first start holds and every later start finds.

The system's own file lock decides who is first; it goes with its process, so no crash leaves a
stale one. What the file says (process id, port, start time, address) only helps people and the
second start to find the first.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import psutil

from videosketcher_app.core.errors import AppError, CannotWrite
from videosketcher_app.storage import file_locks

MAX_FILE_BYTES = 4096
_POLL_S = 0.05


class AlreadyRunning(AppError):
    """Another process of the app holds this workspace; `holder` says which, if it could be read."""

    code = "ALREADY_RUNNING"
    exit_code = 2

    def __init__(self, message: str, *, hint: str = "", holder: Holder | None = None) -> None:
        super().__init__(message, hint=hint)
        self.holder = holder


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The process that holds a workspace.

    Attributes:
        port: of the owner's page; 0 while it is still starting.
        started: when the process began, seconds since 1970.
        url: the owner's address with its key; empty while it is still starting.
    """

    pid: int
    port: int = 0
    started: float = 0.0
    url: str = ""


class InstanceLock:
    """Holds a workspace from `acquire` to `release`, or for a `with` block.

    Args:
        path: the lock file; it is made, and never removed, since a removed file could be locked
            by two.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Takes the lock without waiting.

        Raises:
            AlreadyRunning: another process holds it.
            CannotWrite: the file cannot be made or this disk knows no locks.
        """
        assert self._descriptor is None, "held already"
        descriptor = self._open()
        try:
            file_locks.lock(descriptor)
        except (BlockingIOError, PermissionError):
            os.close(descriptor)
            raise _already_running(read_holder(self._path)) from None
        except OSError as error:
            os.close(descriptor)
            raise CannotWrite(
                f"The disk of {self._path.parent} cannot lock files: {error.strerror or error}.",
                hint="Choose a workspace on a local disk with VIDEOSKETCHER_WORKSPACE.",
            ) from error
        self._descriptor = descriptor
        self.announce()

    def announce(self, *, port: int = 0, url: str = "") -> None:
        """Writes who holds the lock and where its page is."""
        assert self._descriptor is not None, "not held"
        started = psutil.Process().create_time()
        holder = Holder(pid=os.getpid(), port=port, started=started, url=url)
        text = json.dumps(asdict(holder)).encode("utf-8")
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, text)
        os.ftruncate(self._descriptor, len(text))

    def release(self) -> None:
        """Lets the workspace go; does nothing if it is not held."""
        if self._descriptor is None:
            return
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)  # the system's lock goes with it
        self._descriptor = None

    def __enter__(self) -> InstanceLock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.release()

    def _open(self) -> int:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = (
                os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
            )
            # The address in it holds the owner's key: nobody else may read it.
            return os.open(self._path, flags, 0o600)
        except OSError as error:
            raise CannotWrite(
                f"The workspace {self._path.parent} cannot be written: {error.strerror or error}.",
                hint="Choose another folder with VIDEOSKETCHER_WORKSPACE.",
            ) from error


def read_holder(path: Path) -> Holder | None:
    """What the lock file says, or None if it says nothing sensible."""
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(MAX_FILE_BYTES))
        return Holder(
            pid=int(values["pid"]),
            port=int(values["port"]),
            started=float(values["started"]),
            url=str(values["url"]),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def wait_for_address(path: Path, *, timeout_s: float = 20.0) -> Holder | None:
    """The holder once its page is up, or what is known of it when the time is over."""
    deadline = time.monotonic() + timeout_s
    holder = read_holder(path)
    while (holder is None or not holder.url) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        holder = read_holder(path)
    return holder


def _already_running(holder: Holder | None) -> AlreadyRunning:
    who = f"process {holder.pid}" if holder else "another process"
    where = f", port {holder.port}" if holder and holder.port else ""
    return AlreadyRunning(
        f"The app is open already ({who}{where}).",
        hint="Use that window, stop that process, or choose another VIDEOSKETCHER_WORKSPACE.",
        holder=holder,
    )
