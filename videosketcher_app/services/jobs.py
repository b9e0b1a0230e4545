"""One compute worker that everything queues for, in a fair order.

By priority (co-drawing, preview, job, training, warming), within it the owner before guests, and within
that one job a session in turn; see `fair_order`. The worker holds the device's lease around each
job, and a job that was cancelled has closed its body before the next one starts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from videosketcher_app.core import faults
from videosketcher_app.core.access import Role
from videosketcher_app.core.errors import QueueFull
from videosketcher_app.services.fair_order import FairOrder
from videosketcher_app.services.job import (
    Body,
    Job,
    JobCancelled,
    JobDone,
    JobFailed,
    JobFailure,
    Priority,
    State,
    TerminalEvent,
)
from videosketcher_app.services.job_times import JobTimes
from videosketcher_app.services.lease import DeviceLease

__all__ = [
    "Body",
    "Job",
    "JobCancelled",
    "JobDone",
    "JobFailed",
    "JobFailure",
    "JobQueue",
    "Look",
    "Priority",
    "State",
    "TerminalEvent",
]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Look:
    """What runs and what waits at one moment.

    Attributes:
        running: None while the worker is free.
        seconds: for how long it runs already.
        waiting: in the order in which they will run.
    """

    running: Job | None
    seconds: float
    waiting: tuple[Job, ...]


class JobQueue:
    """A bounded queue and its one worker thread, which starts with the first job.

    Args:
        max_waiting: jobs that may wait at once, over all sessions of one role; guests never take
            the owner's places.
        max_waiting_of_guests: fewer places for all guests together; None gives them as many.
        lease: what the worker holds while it runs a job; None counts no memory.

    Attributes:
        times: how long finished jobs took, by name.
    """

    def __init__(
        self,
        *,
        max_waiting: int = 20,
        max_waiting_of_guests: Callable[[], int] | None = None,
        lease: DeviceLease | None = None,
    ) -> None:
        self._max_waiting = max_waiting
        self._max_waiting_of_guests = max_waiting_of_guests or (lambda: max_waiting)
        self._lease = lease
        self._changed = threading.Condition()
        self._order: FairOrder[Job] = FairOrder()
        self._running: Job | None = None
        self._started = 0.0
        self.times = JobTimes()
        self._worker: threading.Thread | None = None
        self._closed = False
        self._listeners: tuple[Callable[[], None], ...] = ()

    def submit(
        self,
        body: Body,
        *,
        name: str,
        priority: Priority = Priority.JOB,
        session: str = "",
        role: Role = Role.OWNER,
        max_waiting_of_session: int | None = None,
        num_bytes: int = 0,
        subject: str = "",
    ) -> Job:
        """Queues a body and returns its job at once.

        Args:
            subject: what it draws, in the words of whoever asked.
            num_bytes: device memory that the job takes beside the weights, for the lease.

        Raises:
            QueueFull: too many jobs wait, in all or of this session, or the queue is closed.
        """
        job = Job(
            body,
            name=name,
            priority=priority,
            session=session,
            role=role,
            num_bytes=num_bytes,
            subject=subject,
        )
        with self._changed:
            self._admit(job, max_waiting_of_session)
            faults.point("jobs.submit")
            self._order.add(job, (priority, role is Role.GUEST), session)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="compute", daemon=True)
                self._worker.start()
            self._changed.notify_all()
        job.when_ended(self._forget)
        self._tell()
        return job

    def when_changed(self, tell: Callable[[], None]) -> None:
        """Calls `tell()` after every submission and every end of a run job, on whatever thread.

        It looks with `waiting` and `is_running`, must not take long, and stays for good.
        """
        self._listeners = (*self._listeners, tell)

    def waiting(self, session: str | None = None) -> int:
        """How many jobs wait, in all or of one session."""
        with self._changed:
            return len(self._waiting_jobs(session))

    @property
    def is_running(self) -> bool:
        """True while a job runs."""
        running = self._running
        return running is not None and not running.ended

    def position(self, job: Job) -> int:
        """How many jobs run or wait before this one; 0 once it runs or has ended."""
        with self._changed:
            order = self._waiting_jobs()
            if job not in order:
                return 0
            return order.index(job) + (self._running is not None)

    def place(self, session: str) -> int | None:
        """The position of a session's next job; 0 while one runs, None if it has none."""
        with self._changed:
            if self._running is not None and self._running.session == session:
                return 0
            for index, job in enumerate(self._waiting_jobs()):
                if job.session == session:
                    return index + (self._running is not None)
            return None

    def look(self) -> Look:
        """Everything that runs or waits, at one moment."""
        with self._changed:
            running = self._running
            if running is not None and running.ended:
                running = None
            seconds = time.monotonic() - self._started if running is not None else 0.0
            return Look(running=running, seconds=seconds, waiting=tuple(self._waiting_jobs()))

    def put_first(self, job: Job, *, among: Callable[[Job], bool], before_sessions: bool) -> bool:
        """Moves a waiting job before the others of its session that `among` picks.

        Args:
            among: which other waiting jobs it may pass; it takes the best priority of these.
            before_sessions: it passes those of other sessions, too.

        Returns False if it does not wait any more.
        """
        with self._changed:
            passed = [
                job.priority,
                *(other.priority for other in self._waiting_jobs() if among(other)),
            ]
            kind = (min(passed), job.role is Role.GUEST)
            return self._order.put_first(job, kind, job.session, before_sessions=before_sessions)

    def shutdown(self, timeout_s: float | None = None) -> bool:
        """Cancels everything, lets the running job reach its next event, and joins the worker.

        Returns True if the worker has ended in time. Nothing can be submitted afterwards.
        """
        with self._changed:
            self._closed = True
            jobs = self._waiting_jobs()
            running, worker = self._running, self._worker
            self._changed.notify_all()
        for job in [*jobs, *([running] if running else [])]:
            job.cancel()
        if worker is None:
            return True
        worker.join(timeout_s)
        return not worker.is_alive()

    def __enter__(self) -> JobQueue:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def _admit(self, job: Job, max_waiting_of_session: int | None) -> None:
        if self._closed:
            raise QueueFull("The app is closing and takes no more work.", hint="Start it again.")
        waiting = [
            other
            for other in self._waiting_jobs()
            if other.role is job.role and other.priority is not Priority.WARMING
        ]
        if job.priority is not Priority.CO_DRAWING:  # sessions were admitted when they opened
            waiting = [other for other in waiting if other.priority is not Priority.CO_DRAWING]
        own = sum(other.session == job.session for other in waiting)
        if max_waiting_of_session is not None and own >= max_waiting_of_session:
            raise QueueFull(
                f"{own} of your sketches are waiting already.",
                hint="Wait for one of them or cancel one.",
            )
        if job.priority in (Priority.CO_DRAWING, Priority.WARMING):
            return
        places = self._max_waiting_of_guests() if job.role is Role.GUEST else self._max_waiting
        if len(waiting) >= places:
            raise QueueFull(
                f"{len(waiting)} sketches are waiting already.", hint="Try again in a minute."
            )

    def _waiting_jobs(self, session: str | None = None) -> list[Job]:
        """In the order in which they will run."""
        return [
            job
            for job in self._order.in_order()
            if job.state is State.WAITING and session in (None, job.session)
        ]

    def _tell(self) -> None:
        for tell in self._listeners:
            tell()

    def _forget(self, job: Job) -> None:
        """A job that was cancelled while it waited leaves the round at once."""
        with self._changed:
            self._order.remove(job)

    def _work(self) -> None:
        while self._work_once():
            pass

    def _work_once(self) -> bool:
        """Runs the next job; False once the queue is closed. Keeps no hold of what has ended."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._order) or self._closed)
            if self._closed:
                return False
            job = self._running = self._order.pop()
            self._started = time.monotonic()
        job.run(self._lease)
        seconds = time.monotonic() - self._started
        if job.state is State.DONE:
            self.times.note(job.name, seconds)
        with self._changed:
            self._running = None
        self._tell()
        logger.info("%s: %s, %.2f s", job.name, job.state.value, seconds)
        return True
