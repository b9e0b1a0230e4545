"""Bodies of requests: read whole, within a time and a size, before any handler hears of them.

A body that breaks a rule leaves nothing: it is held in a file without a name that goes when it is
closed. So no half-received upload is ever seen by the app behind the guard.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from videosketcher_app.core.access import UPLOAD_TIMEOUT_S, Limits
from videosketcher_app.ui.texts import t

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
SLOWEST_BYTES_A_SECOND = 50_000  # a body that comes faster earns the time that it needs
_IN_MEMORY_BYTES = 1 << 20
_MAX_LENGTH_DIGITS = 18
_REPLAY_BYTES = 1 << 16
# As browsers write it. A reader that allowed more could find another boundary than the app behind.
_MULTIPART = re.compile(r'multipart/form-data; *boundary=("?)([\w\'()+,./:=?-]{1,70})\1', re.ASCII)


class Refusal(Exception):
    """A request that is answered with a status and one sentence instead of being served.

    Args:
        hang_up: True for a body that is still coming and has no end in sight.
    """

    def __init__(self, status: int, text: str, *, hang_up: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.hang_up = hang_up


class Desk:
    """Counts uploads that are under way, so that half-open ones cannot take every place.

    Args:
        limits: places of one sender and of all.
    """

    def __init__(self, limits: Callable[[], Limits]) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()

    @property
    def num_busy(self) -> int:
        """Uploads under way now."""
        with self._lock:
            return self._busy.total()

    @contextmanager
    def place(self, sender: str) -> Iterator[None]:
        """Lends a place for one upload.

        Raises:
            Refusal: the sender, or all together, have as many as they may have.
        """
        limits = self._limits()
        with self._lock:
            full = self._busy.total() >= limits.total_upload_slots
            if full or self._busy[sender] >= limits.upload_slots:
                raise Refusal(429, t("sharing.refused_slots"))
            self._busy[sender] += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy[sender] -= 1
                if not self._busy[sender]:
                    del self._busy[sender]


@dataclass(frozen=True, kw_only=True)
class BodyRules:
    """What a body must keep to.

    Attributes:
        max_bytes: of the whole body.
        max_parts: of a multipart body.
        timeout_s: until a body that does not move is given up.
        folder: where what does not fit into memory waits.
        on_bytes: is told the length of each piece; may raise Refusal.
    """

    max_bytes: int
    folder: Path
    max_parts: int = 1000
    timeout_s: float = UPLOAD_TIMEOUT_S
    on_bytes: Callable[[int], None] = lambda num_bytes: None


async def read_body(receive: Receive, headers: dict[str, str], rules: BodyRules) -> IO[bytes]:
    """The whole body in a file without a name, at its start; the caller closes it.

    Raises:
        Refusal: it is too long, too slow, or has too many parts.
        ConnectionResetError: the sender went away.
    """
    if declared_bytes(headers) > rules.max_bytes:
        raise Refusal(413, t("sharing.refused_large"))
    rules.folder.mkdir(parents=True, exist_ok=True)
    # Closed by the caller, or below if the body is refused.
    spool = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=str(rules.folder))  # noqa: SIM115
    try:
        await _fill(spool, receive, _PartCounter(headers, rules.max_parts), rules)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    return spool


def declared_bytes(headers: dict[str, str]) -> int:
    """What the sender says that the body is long; 0 if it says nothing.

    Raises:
        Refusal: it is no length.
    """
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or len(declared) > _MAX_LENGTH_DIGITS:
        raise Refusal(413, t("sharing.refused_large"))
    return int(declared)


async def _fill(spool: IO[bytes], receive: Receive, parts: _PartCounter, rules: BodyRules) -> None:
    clock = asyncio.get_running_loop().time
    begun, num_bytes, more = clock(), 0, True
    while more:
        allowed_s = rules.timeout_s + num_bytes / SLOWEST_BYTES_A_SECOND
        left_s = begun + allowed_s - clock()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, left_s))
        except (TimeoutError, asyncio.TimeoutError):
            raise Refusal(408, t("sharing.refused_slow"), hang_up=True) from None
        if message["type"] == "http.disconnect":
            raise ConnectionResetError
        piece = message.get("body", b"")
        num_bytes += len(piece)
        if num_bytes > rules.max_bytes:
            raise Refusal(413, t("sharing.refused_large"), hang_up=True)
        parts.feed(piece)
        rules.on_bytes(len(piece))
        spool.write(piece)
        more = message.get("more_body", False)


class _PartCounter:
    """Counts the parts of a multipart body as it arrives."""

    def __init__(self, headers: dict[str, str], max_parts: int) -> None:
        kind = headers.get("content-type", "")
        found = _MULTIPART.fullmatch(kind)
        if found is None and "multipart" in kind.lower():
            raise Refusal(400, t("sharing.refused_message"))
        self._mark = b"--" + found[2].encode("ascii") if found else b""
        self._tail = b""
        self._left = max_parts + 1  # the end is marked too

    def feed(self, piece: bytes) -> None:
        """Counts one more piece.

        Raises:
            Refusal: there are too many parts.
        """
        if not self._mark:
            return
        window = self._tail + piece
        self._left -= window.count(self._mark)
        # One byte less than a mark: it may be cut in two, but is never counted twice.
        self._tail = window[-(len(self._mark) - 1) :]
        if self._left < 0:
            raise Refusal(413, t("sharing.refused_files"))


def replay(spool: IO[bytes], receive: Receive) -> Receive:
    """A `receive` that hands the body out again, and then what really comes."""
    is_over = False

    async def again() -> Message:
        nonlocal is_over
        if is_over:
            return await receive()
        piece = spool.read(_REPLAY_BYTES)
        is_over = len(piece) < _REPLAY_BYTES
        return {"type": "http.request", "body": piece, "more_body": not is_over}

    return again
