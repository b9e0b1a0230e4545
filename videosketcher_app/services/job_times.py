"""How long jobs take, from how long those of the same name took; so that waiting has an end."""

from __future__ import annotations

import statistics
import threading
from collections import deque

_NUM_KEPT = 5
_MOST_NAMES = 64


class JobTimes:
    """Seconds of the last finished jobs, by name. May be used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, deque[float]] = {}

    def note(self, name: str, seconds: float) -> None:
        """Books a finished job; one that was stopped says nothing about the next."""
        with self._lock:
            kept = self._seconds.pop(name, deque(maxlen=_NUM_KEPT))
            kept.append(seconds)
            self._seconds[name] = kept  # the newest name is the last one
            if len(self._seconds) > _MOST_NAMES:
                del self._seconds[next(iter(self._seconds))]

    def usual(self, name: str) -> float | None:
        """The median of the last ones, in seconds; None before the first."""
        with self._lock:
            kept = self._seconds.get(name)
            return statistics.median(kept) if kept else None
