"""One compute worker that everything queues for, in order of priority, then of arrival."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time

from videosketcher_app.core import faults
from videosketcher_app.core.errors import QueueFull
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

__all__ = [
    "Body",
    "Job",
    "JobCancelled",
    "JobDone",
    "JobFailed",
    "JobFailure",
    "JobQueue",
    "Priority",
    "State",
    "TerminalEvent",
]

logger = logging.getLogger(__name__)


class JobQueue:
    """A bounded queue and its one worker thread, which starts with the first job.

    Args:
        max_waiting: jobs that may wait at once, over all sessions.
    """

    def __init__(self, *, max_waiting: int = 20) -> None:
        self._max_waiting = max_waiting
        self._changed = threading.Condition()
        self._heap: list[tuple[Priority, int, Job]] = []
        self._numbers = itertools.count()
        self._running: Job | None = None
        self._worker: threading.Thread | None = None
        self._closed = False

    def submit(
        self,
        body: Body,
        *,
        name: str,
        priority: Priority = Priority.JOB,
        session: str = "",
        max_waiting_of_session: int | None = None,
    ) -> Job:
        """Queues a body and returns its job at once.

        Raises:
            QueueFull: too many jobs wait, in all or of this session, or the queue is closed.
        """
        job = Job(body, name=name, priority=priority, session=session)
        with self._changed:
            self._admit(session, max_waiting_of_session)
            faults.point("jobs.submit")
            heapq.heappush(self._heap, (priority, next(self._numbers), job))
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="compute", daemon=True)
                self._worker.start()
            self._changed.notify_all()
        return job

    def waiting(self, session: str | None = None) -> int:
        """How many jobs wait, in all or of one session."""
        with self._changed:
            return len(self._waiting_jobs(session))

    def position(self, job: Job) -> int:
        """How many jobs run or wait before this one; 0 once it runs or has ended."""
        with self._changed:
            order = [entry[2] for entry in sorted(self._live(), key=lambda entry: entry[:2])]
            if job not in order:
                return 0
            return order.index(job) + (self._running is not None)

    def shutdown(self, timeout_s: float | None = None) -> bool:
        """Cancels everything, lets the running job reach its next event, and joins the worker.

        Returns True if the worker has ended in time. Nothing can be submitted afterwards.
        """
        with self._changed:
            self._closed = True
            jobs = [entry[2] for entry in self._heap]
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

    def _admit(self, session: str, max_waiting_of_session: int | None) -> None:
        if self._closed:
            raise QueueFull("The app is closing and takes no more work.", hint="Start it again.")
        self._heap = self._live()
        heapq.heapify(self._heap)
        own = len(self._waiting_jobs(session))
        if max_waiting_of_session is not None and own >= max_waiting_of_session:
            raise QueueFull(
                f"{own} of your sketches are waiting already.",
                hint="Wait for one of them or cancel one.",
            )
        if len(self._heap) >= self._max_waiting:
            raise QueueFull(
                f"{len(self._heap)} sketches are waiting already.", hint="Try again in a minute."
            )

    def _live(self) -> list[tuple[Priority, int, Job]]:
        return [entry for entry in self._heap if entry[2].state is State.WAITING]

    def _waiting_jobs(self, session: str | None) -> list[Job]:
        return [e[2] for e in self._live() if session is None or e[2].session == session]

    def _next(self) -> Job | None:
        with self._changed:
            self._running = None
            self._changed.wait_for(lambda: self._heap or self._closed)
            if self._closed:
                return None
            self._running = heapq.heappop(self._heap)[2]
            return self._running

    def _work(self) -> None:
        while (job := self._next()) is not None:
            started = time.monotonic()
            job.run()
            logger.info("%s: %s, %.2f s", job.name, job.state.value, time.monotonic() - started)
