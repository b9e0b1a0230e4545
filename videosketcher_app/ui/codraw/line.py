"""Line: one page's connection, whatever carries it. What goes down waits here; what comes up is counted.

Threads may tell a line something at any time; one coroutine of the server takes it off.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from videosketcher_app.core.errors import AppError

MESSAGES_A_SECOND = 60.0
MAX_WAITING = 2000  # messages that a page does not take; then the line is cut
IDLE_S = 60.0

# Why a line ends, as a WebSocket's close code.
OVER, REFUSED, TOO_LONG, FULL, MOVED = 1000, 1008, 1009, 1013, 4001


class Line:
    """Made on the server's loop.

    Args:
        visitor: who is at the other end: the name of a guest, "" for the owner.
        clock: seconds, for the pace of messages.
    """

    def __init__(self, visitor: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.visitor = visitor
        self.known_turns: dict[int, int] = {}  # turn -> its frames, as this page was told
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting: deque[str | bytes] = deque()
        self._wake = asyncio.Event()
        self._code: int | None = None
        self._tokens, self._counted_at = MESSAGES_A_SECOND, clock()

    @property
    def code(self) -> int | None:
        """Why it has ended; None while it is open."""
        return self._code

    def may_speak(self) -> bool:
        """Counts one message of the page; False if there were too many, and it is dropped."""
        now = self._clock()
        earned = (now - self._counted_at) * MESSAGES_A_SECOND
        self._tokens = min(MESSAGES_A_SECOND, self._tokens + earned)
        self._counted_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def tell(self, kind: str, **values: Any) -> None:
        """Sends a message; from any thread."""
        self.put(json.dumps({"kind": kind, **values}))

    def trouble(self, error: AppError) -> None:
        """Sends what was wrong and what to do."""
        self.tell("error", code=error.code, message=error.message, hint=error.hint)

    def put(self, item: str | bytes) -> None:
        """Sends a message that is ready, or a tile; from any thread."""
        with self._lock:
            if self._code is not None:
                return
            if len(self._waiting) >= MAX_WAITING:
                self._waiting.clear()
                self._code = FULL
            else:
                self._waiting.append(item)
        self._call_awake()

    def close(self, code: int = OVER) -> None:
        """Ends the line when what waits has been sent; from any thread, as often as you like."""
        with self._lock:
            if self._code is None:
                self._code = code
        self._call_awake()

    async def items(self) -> AsyncIterator[str | bytes]:
        """What goes down, in order, until the line is closed."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                yield self._waiting.popleft()
            if self._code is not None:
                return

    def _call_awake(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)
