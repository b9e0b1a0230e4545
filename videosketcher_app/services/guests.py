"""Guests: who is here, how much each may keep, and that nothing of them stays.

A guest is known by a secret that the server made and the browser holds in a cookie. Everything
that a guest leaves lies in one folder with an unguessable name, or among the uploads, and is gone
an hour after the last request.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from videosketcher_app.core.access import (
    CLASS_LIMITS,
    FREE_SPACE_FLOOR_BYTES,
    LIMITS,
    Limits,
    Role,
)
from videosketcher_app.core.errors import AppError
from videosketcher_app.services.outputs import stopped_of
from videosketcher_app.storage.paths import Workspace

logger = logging.getLogger(__name__)

SECRET_BYTES = 16
MAX_PAGES = 32  # open tabs and reloads of one guest that are remembered
DEFAULT_JOB_S = 60.0
_NUM_TIMED_JOBS = 10


class RoomFull(AppError):
    """As many guests are here as there are seats."""

    code = "ROOM_FULL"


class QuotaExceeded(AppError):
    """A guest has filled what one guest, or all of them together, may keep."""

    code = "QUOTA_EXCEEDED"


@dataclass(eq=False)
class Guest:
    """One browser of one guest.

    Attributes:
        name: for logs, the queue and this module; not the secret and not the folder's name.
        folder: where drawings of this guest go.
        pages: the page ids (Gradio's session hashes) that this browser has made.
        events: ids of what this browser has asked for.
        uploads: files that this browser has sent.
        received: files made for this browser: previews, and copies of its drawings.
        incoming_bytes: what uploads in progress have sent so far.
        open_requests: while there are any, the guest is here.
    """

    name: str
    folder: Path
    last_seen: float
    pages: dict[str, None] = field(default_factory=dict)
    events: dict[str, None] = field(default_factory=dict)
    uploads: set[Path] = field(default_factory=set)
    received: set[Path] = field(default_factory=set)
    incoming_bytes: int = 0
    open_requests: int = 0


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A finished drawing of some guest, for the wall."""

    concept: str
    picture: Path
    finished_at: float


class GuestBook:
    """All guests of one start of the app; safe to use from several threads.

    Args:
        workspace: where their folders are.
        limits: of one guest and of all.
        clock: seconds that never jump.
        free_bytes: of the disk that a folder is on.
        free_floor_bytes: less than this is never left on the disk by a guest.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        limits: Limits = LIMITS[Role.GUEST],
        clock: Callable[[], float] = time.monotonic,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
        free_floor_bytes: int = FREE_SPACE_FLOOR_BYTES,
    ) -> None:
        self.limits = limits
        self.is_class = False
        self.free_floor_bytes = free_floor_bytes
        self.sessions = workspace.sessions.absolute()
        self.uploads = (workspace.cache / "gradio" / "guests").absolute()
        self._clock = clock
        self._free_bytes = free_bytes
        self._lock = threading.RLock()
        self._guests: dict[str, Guest] = {}
        self._unowned_since: dict[Path, float] = {}

    def open_class(self) -> None:
        """Seats for a class, and a wall of what it has drawn."""
        self.is_class, self.limits = True, CLASS_LIMITS

    def limits_of(self, role: Role) -> Limits:
        """What one role may use in this start."""
        return self.limits if role is Role.GUEST else LIMITS[role]

    def admit(self) -> tuple[str, Guest]:
        """A new guest and the secret that the browser keeps.

        Raises:
            RoomFull: every seat is taken.
        """
        self.sweep()
        with self._lock:
            if len(self._guests) >= self.limits.sessions:
                raise RoomFull(
                    f"All {self.limits.sessions} seats are taken.",
                    hint="Try again when somebody has left.",
                )
            secret = secrets.token_hex(SECRET_BYTES)
            folder = self.sessions / secrets.token_hex(SECRET_BYTES)
            guest = Guest(f"guest-{secrets.token_hex(4)}", folder, self._clock())
            self._guests[_digest(secret)] = guest
            return secret, guest

    def find(self, secret: str) -> Guest | None:
        """The guest with this secret, whose hour starts again; None if there is none."""
        with self._lock:
            guest = self._guests.get(_digest(secret))
            if guest is None or self._is_over(guest):
                return None
            guest.last_seen = self._clock()
            return guest

    def named(self, name: str) -> Guest | None:
        """The guest that the queue and handlers know by this name."""
        with self._lock:
            return next((guest for guest in self._guests.values() if guest.name == name), None)

    def count(self) -> int:
        """How many guests are here."""
        with self._lock:
            return sum(not self._is_over(guest) for guest in self._guests.values())

    def owns_page(self, guest: Guest, page: str) -> bool:
        """True if this browser made the page; a page that nobody has is its from now on."""
        with self._lock:
            if page in guest.pages:
                return True
            if any(page in other.pages for other in self._guests.values()):
                return False
            _remember(guest.pages, page, most=MAX_PAGES)
            return True

    def may_read(self, guest: Guest, path: Path) -> bool:
        """True if this browser sent the file, was given it, or made it."""
        resolved = path.resolve()
        with self._lock:
            is_own = resolved in guest.uploads or resolved in guest.received
        return is_own or _is_inside(resolved, guest.folder)

    def add_upload(self, guest: Guest, paths: Iterable[Path]) -> None:
        """Books files that arrived, so that they count and leave with their guest."""
        with self._lock:
            guest.uploads.update(self._among_ours(paths))

    def add_received(self, guest: Guest, paths: Iterable[Path]) -> None:
        """Books files that a handler made for a guest."""
        with self._lock:
            guest.received.update(self._among_ours(paths))

    def destination(self, name: str) -> Path:
        """The folder that a guest's drawings go to, if there is room for one more.

        Raises:
            QuotaExceeded: the guest, all guests, or the disk have no more room.
        """
        guest = self.named(name)
        if guest is None:
            raise QuotaExceeded("This visit is over.", hint="Reload the page.")
        self.check_room(guest, 0)
        return guest.folder

    def check_room(self, guest: Guest, more_bytes: int) -> None:
        """Lets a guest keep `more_bytes` more, or says no.

        Raises:
            QuotaExceeded: the guest, all guests, or the disk have no more room.
        """
        limits = self.limits
        with self._lock:
            incoming = sum(other.incoming_bytes for other in self._guests.values())
            own = self.bytes_of(guest) + guest.incoming_bytes + more_bytes
            total = self.total_bytes() + incoming + more_bytes
            num_files = len(guest.uploads)
        if own > limits.session_bytes or num_files >= limits.session_files:
            raise QuotaExceeded(
                f"You keep {num_files} files and {_mb(own - more_bytes)} MB of "
                f"{_mb(limits.session_bytes)} MB here.",
                hint="Download what you want to keep; it makes room when your visit is over.",
            )
        if total > limits.total_bytes:
            raise QuotaExceeded(
                f"All guests together have filled {_mb(limits.total_bytes)} MB.",
                hint="Try again when somebody has left.",
            )
        self.check_disk(more_bytes)

    def check_disk(self, more_bytes: int) -> None:
        """Lets anyone, the owner too, send `more_bytes` if enough of the disk stays free.

        Raises:
            QuotaExceeded: less than the floor would be left.
        """
        if self._free_bytes(_existing(self.sessions)) - more_bytes < self.free_floor_bytes:
            raise QuotaExceeded(
                f"Less than {_mb(self.free_floor_bytes)} MB would stay free on this disk.",
                hint="Its owner can make room, or lower the floor with --keep-free.",
            )

    def bytes_of(self, guest: Guest) -> int:
        """What a guest keeps on the disk."""
        with self._lock:
            files = guest.uploads | guest.received
        return _size_of(files) + _size_of(_files_below(guest.folder))

    def total_bytes(self) -> int:
        """What all guests keep on the disk, previews included."""
        return _size_of(_files_below(self.sessions)) + _size_of(_files_below(self.uploads))

    def sweep(self) -> int:
        """Ends visits that are over, and deletes what is nobody's for long; returns how many ended.

        A file is judged by how long this process has seen it without an owner, so that a jump of
        the clock deletes nothing.
        """
        with self._lock:
            over = [key for key, guest in self._guests.items() if self._is_over(guest)]
            for key in over:
                self._delete_all_of(self._guests.pop(key))
            self._delete_unowned()
        if over:
            logger.info("%d visits are over", len(over))
        return len(over)

    def clear(self) -> None:
        """Ends every visit and deletes everything: at the start and the end of a door."""
        with self._lock:
            self._guests.clear()
            self._unowned_since.clear()
            for folder in (self.sessions, self.uploads):
                for entry in folder.iterdir() if folder.is_dir() else ():
                    _delete(entry)

    def wait_minutes(self, num_before: int) -> float:
        """How long a drawing waits behind `num_before` others, from how long recent ones took."""
        return num_before * self._job_seconds() / 60

    def finished(self, *, most: int) -> list[Finished]:
        """The newest whole drawings of all guests, newest first; for the wall of a class."""
        found = []
        for config in self.sessions.glob("*/*/*_config.json"):
            picture = config.with_name(config.name.removesuffix("_config.json") + ".png")
            try:
                values = json.loads(config.read_text(encoding="utf-8"))
                concept = str(values["plan"]["concept"])
                finished_at = picture.stat().st_mtime
            except (OSError, ValueError, KeyError):
                continue  # expired or being replaced just now
            if stopped_of(values.get("settings", {})) is None:
                found.append(Finished(concept=concept, picture=picture, finished_at=finished_at))
        return sorted(found, key=lambda drawing: -drawing.finished_at)[:most]

    def _job_seconds(self) -> float:
        runs = [(_mtime(path), path) for path in self.sessions.glob("*/*/*_run.json")]
        seconds = []
        for _, path in sorted(runs, reverse=True)[:_NUM_TIMED_JOBS]:
            try:
                run = json.loads(path.read_text(encoding="utf-8"))
                seconds.append(float(run["seconds"]["total"]))
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return sum(seconds) / len(seconds) if seconds else DEFAULT_JOB_S

    def _among_ours(self, paths: Iterable[Path]) -> set[Path]:
        """Those of the paths that lie in the guests' folders; nothing else is ever theirs."""
        resolved = {path.resolve() for path in paths}
        return {
            path
            for path in resolved
            if _is_inside(path, self.uploads) or _is_inside(path, self.sessions)
        }

    def _is_over(self, guest: Guest) -> bool:
        minutes = self.limits.output_minutes
        assert minutes is not None, "what a guest leaves always has an end"
        return not guest.open_requests and self._clock() - guest.last_seen >= minutes * 60

    def _delete_all_of(self, guest: Guest) -> None:
        others = self._guests.values()
        kept = {path for other in others for path in other.uploads | other.received}
        for path in (guest.uploads | guest.received) - kept:
            _delete(path)
        _delete(guest.folder)

    def _delete_unowned(self) -> None:
        owned = {guest.folder for guest in self._guests.values()}
        for guest in self._guests.values():
            owned |= guest.uploads | guest.received
        folders = self.sessions.iterdir() if self.sessions.is_dir() else ()
        left = (*folders, *_files_below(self.uploads))
        unowned = {path for path in left if path not in owned and path.resolve() not in owned}
        now = self._clock()
        since = {path: self._unowned_since.get(path, now) for path in unowned}
        minutes = self.limits.output_minutes or 0
        for path in [path for path, begun in since.items() if now - begun >= minutes * 60]:
            _delete(path)
            del since[path]
        self._unowned_since = since


def _digest(secret: str) -> str:
    """What is looked up instead of the secret: equal prefixes take no longer to refuse."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _remember(known: dict[str, None], key: str, *, most: int) -> None:
    known[key] = None
    while len(known) > most:
        del known[next(iter(known))]


def remember_event(guest: Guest, event: str) -> None:
    """Books an event id as this guest's own."""
    _remember(guest.events, event, most=1000)


def _is_inside(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder.resolve())


def _files_below(folder: Path) -> Iterator[Path]:
    """Every file in it that is no link; folders that leave meanwhile are passed over."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _size_of(paths: Iterable[Path]) -> int:
    total = 0
    for path in paths:
        try:
            total += path.stat().st_size
        except OSError:  # it left while we counted
            continue
    return total


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()


def _existing(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _mb(num_bytes: int) -> int:
    return num_bytes // 1024**2
