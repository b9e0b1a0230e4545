"""A job: work that yields events, can be cancelled, and ends exactly once.

Its body is a function that takes a CancelToken and returns an iterator of events; it runs on the
worker's thread. What the iterator returns is the job's result.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any, TypeVar

from videosketcher_app.core import faults
from videosketcher_app.core.access import Role
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError, Cancelled
from videosketcher_app.core.events import Preview, Progress
from videosketcher_app.services.lease import DeviceLease

logger = logging.getLogger(__name__)

Body = Callable[[CancelToken], Iterator[Any]]
E = TypeVar("E")

# A reader this far behind misses previews that newer ones have replaced, and nothing else.
MAX_BUFFERED_EVENTS = 64
# Events that nothing replaces are kept longer; beyond this the oldest go, never the newest.
MAX_KEPT_EVENTS = 256
_REPLACEABLE = (Preview, Progress)


class Priority(IntEnum):
    """Who goes first; the smaller number."""

    CO_DRAWING = 0
    PREVIEW = 1
    JOB = 2
    TRAINING = 3
    WARMING = 4  # nobody waits for it, and it takes no place from anybody


class State(Enum):
    """Where a job is; the last three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, eq=False)
class JobDone:
    """The terminal event of a job that finished; `result` is what its body returned."""

    result: Any


@dataclass(frozen=True, eq=False)
class JobFailed:
    """The terminal event of a job that could not finish."""

    error: AppError


@dataclass(frozen=True)
class JobCancelled:
    """The terminal event of a job that somebody stopped."""


TerminalEvent = JobDone | JobFailed | JobCancelled
_FINAL_STATES = {
    JobDone: State.DONE,
    JobFailed: State.FAILED,
    JobCancelled: State.CANCELLED,
}


class JobFailure(AppError):
    """Something that nobody foresaw stopped the job; the log holds the details."""

    code = "JOB_FAILED"


class Job:
    """One queued piece of work. Made by `JobQueue.submit`; may be read by several threads.

    Attributes:
        id: names it where people look at the queue; says nothing about it.
        subject: what it draws, in the words of whoever asked; theirs alone.
    """

    def __init__(
        self,
        body: Body,
        *,
        name: str,
        priority: Priority,
        session: str,
        role: Role = Role.OWNER,
        num_bytes: int = 0,
        subject: str = "",
    ) -> None:
        self.id = secrets.token_hex(8)
        self.name = name
        self.subject = subject
        self.priority = priority
        self.session = session
        self.role = role
        self.num_bytes = num_bytes
        self.cancel_token = CancelToken()
        self._body = body
        self._state = State.WAITING
        self._changed = threading.Condition()
        self._events: list[tuple[int, Any]] = []
        self._count = 0
        self._when_ended: list[Callable[[Job], None]] = []

    @property
    def state(self) -> State:
        """Where the job is now."""
        return self._state

    @property
    def ended(self) -> bool:
        """True once the terminal event is there."""
        return self._state in _FINAL_STATES.values()

    def cancel(self) -> None:
        """Asks the job to stop: at once if it waits, at its next event if it runs."""
        self.cancel_token.cancel()
        self._end(JobCancelled(), only_from=State.WAITING)

    def finish_early(self) -> None:
        """Asks the job to end with what it has so far; one that waits has nothing and is stopped."""
        self.cancel_token.finish_early()
        self._end(JobCancelled(), only_from=State.WAITING)

    def abandon(self) -> None:
        """Nobody looks at it any more: stops it, unless what it has so far is being kept."""
        if not self.cancel_token.finishes_early:
            self.cancel()

    def withdraw(self) -> bool:
        """Ends the job if it waits; False, and nothing happens, if it runs or has ended."""
        return self._end(JobCancelled(), only_from=State.WAITING)

    def last(self, kind: type[E]) -> E | None:
        """The newest event of a kind; None if there was none yet."""
        with self._changed:
            found = (event for _, event in reversed(self._events) if isinstance(event, kind))
            return next(found, None)

    def events(self, *, from_start: bool = True) -> Iterator[Any]:
        """All events in order, waiting for new ones; the last is the terminal event.

        Several readers may follow one job, each at its own pace. `from_start=False` begins with
        the next event, or with the terminal one if the job has ended.
        """
        with self._changed:
            seen = 0 if from_start else self._count - self.ended
        while True:
            with self._changed:
                self._changed.wait_for(lambda seen=seen: self._count > seen)
                news = [event for number, event in self._events if number >= seen]
                seen = self._count
            for event in news:
                yield event
                if isinstance(event, TerminalEvent):
                    return

    def wait(self, timeout_s: float | None = None) -> TerminalEvent | None:
        """Blocks until the job has ended; None if the time was over before."""
        with self._changed:
            self._changed.wait_for(lambda: self.ended, timeout_s)
            return self._events[-1][1] if self.ended else None

    def result(self, timeout_s: float | None = None) -> Any:
        """What the body returned.

        Raises:
            AppError: why the job failed; Cancelled if it was stopped.
            TimeoutError: it has not ended within `timeout_s`.
        """
        match self.wait(timeout_s):
            case JobDone(result=result):
                return result
            case JobFailed(error=error):
                raise error
            case JobCancelled():
                raise Cancelled(f"{self.name} was stopped.")
            case _:
                raise TimeoutError(f"{self.name} has not ended within {timeout_s} s")

    def when_ended(self, tell: Callable[[Job], None]) -> None:
        """Calls `tell(job)` once when the job ends, at once if it has; on whatever thread."""
        with self._changed:
            if not self.ended:
                self._when_ended.append(tell)
                return
        tell(self)

    def run(self, lease: DeviceLease | None = None) -> None:
        """Consumes the body on the calling thread and ends the job; the worker calls it.

        Args:
            lease: held from before the body is made until after it is closed.
        """
        with self._changed:
            if self._state is not State.WAITING:
                return
            self._state = State.RUNNING
        self._end(self._outcome(lease))

    def _outcome(self, lease: DeviceLease | None) -> TerminalEvent:
        try:
            with lease.lease(self.name, self.num_bytes) if lease else nullcontext():
                faults.point("jobs.started")
                result = self._consume()
                faults.point("jobs.finished")
            return JobDone(result)
        except Cancelled:
            return JobCancelled()
        except AppError as error:
            return JobFailed(error)
        except (Exception, SystemExit):  # the boundary: whatever a body does, the worker goes on
            logger.exception("%s failed", self.name)
            return JobFailed(
                JobFailure(
                    f"{self.name} stopped because of an unexpected error.",
                    hint="The log has the details; `doctor --bundle` packs them for a report.",
                )
            )

    def _consume(self) -> Any:
        body = self._body(self.cancel_token)
        try:
            while True:
                self.cancel_token.raise_if_cancelled()
                try:
                    event = next(body)
                except StopIteration as end:
                    return end.value
                faults.point("jobs.event")
                self._publish(event)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()  # runs the body's own `finally`, which gives devices and files back

    def _publish(self, event: Any) -> None:
        with self._changed:
            self._append(event)

    def _append(self, event: Any) -> None:
        self._events.append((self._count, event))
        self._count += 1
        if len(self._events) > MAX_BUFFERED_EVENTS:
            self._drop_one_replaced()
        self._changed.notify_all()

    def _drop_one_replaced(self) -> None:
        newest: set[type] = set()
        replaced = None
        for index in range(len(self._events) - 1, -1, -1):
            event = self._events[index][1]
            if isinstance(event, _REPLACEABLE):
                replaced = index if type(event) in newest else replaced
                newest.add(type(event))
        if replaced is not None:
            del self._events[replaced]
        elif len(self._events) > MAX_KEPT_EVENTS:
            del self._events[0]

    def _end(self, event: TerminalEvent, *, only_from: State = State.RUNNING) -> bool:
        with self._changed:
            if self._state is not only_from:
                return False
            self._state = _FINAL_STATES[type(event)]
            self._append(event)
            listeners, self._when_ended = self._when_ended, []
        for tell in listeners:
            tell(self)
        return True
