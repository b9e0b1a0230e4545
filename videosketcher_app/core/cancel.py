"""CancelToken: how a person's "stop" reaches an engine between two events.

There are two of them: to stop and leave nothing, and to finish early with what there is so far.
"""

from __future__ import annotations

import threading

from videosketcher_app.core.errors import Cancelled


class CancelToken:
    """Flags that one thread raises and another reads; once raised they stay raised."""

    def __init__(self) -> None:
        self._flag = threading.Event()
        self._early = threading.Event()

    def cancel(self) -> None:
        """Asks whoever holds the token to stop; asking again changes nothing."""
        self._flag.set()

    @property
    def cancelled(self) -> bool:
        """True once somebody asked to stop."""
        return self._flag.is_set()

    def finish_early(self) -> None:
        """Asks for what there is so far; work that has no such thing goes on to its end."""
        self._early.set()

    @property
    def finishes_early(self) -> bool:
        """True once somebody asked for what there is so far."""
        return self._early.is_set()

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
