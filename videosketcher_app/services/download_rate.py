"""How fast bytes arrive: over the last seconds, not since the begin."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW_S = 8.0
_LEAST_S = 0.5  # between two marks


class Rate:
    """Bytes a second over a moving window.

    Args:
        clock: seconds that never jump.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._marks: deque[tuple[float, int]] = deque()

    def saw(self, num_bytes: int) -> None:
        """Notes how many bytes there are now; fewer than before begin a new window."""
        now = self._clock()
        if self._marks and num_bytes < self._marks[-1][1]:
            self._marks.clear()
        if len(self._marks) > 1 and now - self._marks[-2][0] < _LEAST_S:
            self._marks[-1] = (now, num_bytes)
        else:
            self._marks.append((now, num_bytes))
        while len(self._marks) > 2 and now - self._marks[0][0] > WINDOW_S:
            self._marks.popleft()

    def bytes_per_s(self) -> float:
        """0 until two moments are known, and sinking while nothing comes."""
        if len(self._marks) < 2:
            return 0.0
        (begin, first), (_, last) = self._marks[0], self._marks[-1]
        passed = self._clock() - begin
        return (last - first) / passed if passed > 0 else 0.0
