"""CancelToken: how a person's "stop" reaches an engine between two events."""

from __future__ import annotations

import threading

from videosketcher_app.core.errors import Cancelled


class CancelToken:
    """A flag that one thread raises and another reads; once raised it stays raised."""

    def __init__(self) -> None:
        self._flag = threading.Event()

    def cancel(self) -> None:
        """Asks whoever holds the token to stop; asking again changes nothing."""
        self._flag.set()

    @property
    def cancelled(self) -> bool:
        """True once somebody asked to stop."""
        return self._flag.is_set()

    def raise_if_cancelled(self) -> None:
        """Leaves the work at a safe point.

        Raises:
            Cancelled: somebody asked to stop.
        """
        if self._flag.is_set():
            raise Cancelled("Stopped because somebody asked for it.")

    def wait(self, timeout_s: float) -> bool:
        """Blocks until the flag is raised or the time is over; True if it was raised."""
        return self._flag.wait(timeout_s)
