"""Turns: what each page is making just now, so that "Stop", a new sketch and leaving find it."""

from __future__ import annotations

import threading

from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.services.jobs import Job


class Turn:
    """One press of "Draw" or of "Draw again like this": planning first, then perhaps a job."""

    def __init__(self) -> None:
        self.token = CancelToken()
        self._job: Job | None = None
        self._lock = threading.Lock()

    def attach(self, job: Job) -> None:
        """The job that the turn has come to; it is stopped at once if the turn was."""
        with self._lock:
            self._job = job
        if self.token.cancelled:
            job.cancel()

    def cancel(self) -> None:
        """Asks to stop: at the next frame, event, or when the planner has answered."""
        self.token.cancel()
        with self._lock:
            job = self._job
        if job is not None:
            job.cancel()

    def leave(self) -> None:
        """The page is done with it: stops it, unless what there is so far is being kept."""
        self.token.cancel()
        with self._lock:
            job = self._job
        if job is not None:
            job.abandon()

    def finish_early(self) -> None:
        """Asks for what there is so far; a turn that has no running sketch is stopped."""
        with self._lock:
            job = self._job
        if job is None:
            self.token.cancel()
        else:
            job.finish_early()


class Turns:
    """The current turn of every page; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, Turn] = {}

    def begin(self, page: str) -> Turn:
        """A new turn; the page's earlier one is stopped."""
        turn = Turn()
        with self._lock:
            earlier = self._turns.get(page)
            self._turns[page] = turn
        if earlier is not None:
            earlier.leave()
        return turn

    def stop(self, page: str) -> None:
        """Stops a page's turn, if it has one."""
        with self._lock:
            turn = self._turns.get(page)
        if turn is not None:
            turn.cancel()

    def leave(self, page: str) -> None:
        """The page was closed: see `Turn.leave`."""
        with self._lock:
            turn = self._turns.get(page)
        if turn is not None:
            turn.leave()

    def finish_early(self, page: str) -> None:
        """Asks a page's turn for what there is so far, if it has one."""
        with self._lock:
            turn = self._turns.get(page)
        if turn is not None:
            turn.finish_early()

    def is_current(self, page: str, turn: Turn) -> bool:
        """False once a newer turn has taken over: the older one leaves the page alone."""
        with self._lock:
            return self._turns.get(page) in (turn, None)

    def end(self, page: str, turn: Turn) -> None:
        """Lets a turn go, and stops what is left of it; see `Turn.leave`."""
        turn.leave()
        with self._lock:
            if self._turns.get(page) is turn:
                del self._turns[page]
