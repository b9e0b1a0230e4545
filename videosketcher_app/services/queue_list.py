"""QueueList: what one person sees of the queue, and what of it they may change.

The owner sees every job and may stop every drawing, a guest sees and stops only their own. The
words of a guest's drawing are not shown to the owner: guests were not told that somebody reads
along, and to stop or remove a job its kind and its place are enough. Steps of a co-drawing, and
models that load, are listed because others wait for them; they end with their own page.
"""

from __future__ import annotations

from dataclasses import dataclass

from videosketcher_app.core.access import Capability, Role, require
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.events import Progress
from videosketcher_app.services.job import Job, Priority
from videosketcher_app.services.jobs import JobQueue, Look

# Cancelling other kinds would not free anybody sooner, or would leave memory behind.
_STOPPABLE = (Priority.JOB, Priority.TRAINING)


@dataclass(frozen=True, kw_only=True)
class QueueRow:
    """One job.

    Attributes:
        kind: what it is ("A sketch").
        subject: what it draws; "" if it draws nothing or is somebody else's.
        is_own: asked for by whoever looks.
        place: jobs before it; 0 while it runs.
        left_s: estimate until it begins, or until it ends if it runs; None while unknown.
        can_stop: it may be stopped or removed.
        can_move: it may go before others of one's own.
    """

    id: str
    kind: str
    subject: str
    is_own: bool
    is_running: bool
    place: int
    left_s: float | None
    can_stop: bool
    can_move: bool


@dataclass(frozen=True, kw_only=True)
class QueueView:
    """The queue at one moment.

    Attributes:
        rows: what runs, then what waits, in order.
        num_hidden: jobs of others that are not listed.
        can_clear: something of one's own waits and may be removed.
    """

    rows: tuple[QueueRow, ...]
    num_hidden: int
    can_clear: bool


@dataclass(frozen=True)
class QueueList:
    """The list of one queue, for whoever asks; safe to use from several threads."""

    queue: JobQueue

    def view(self, role: Role, session: str) -> QueueView:
        """What this person sees.

        Args:
            session: whose page it is; the owner's pages show the same.
        """
        require(role, Capability.GENERATE)
        look = self.queue.look()
        left = self._seconds_left(look)
        jobs = _jobs_of(look)
        movable = [job for job in look.waiting if _is_movable(job, role, session)]
        rows = [
            _row(job, role, session, look=look, left_s=left[job], can_move=job in movable[1:])
            for job in jobs
            if _is_seen(job, role, session)
        ]
        return QueueView(
            rows=tuple(rows), num_hidden=len(jobs) - len(rows), can_clear=bool(movable)
        )

    def stop(self, role: Role, session: str, job_id: str) -> bool:
        """Removes a job that waits, or stops the one that runs; True if it had begun.

        Raises:
            InvalidRequest: there is no such job for this person, or it ends only with its page.
        """
        job = self._found(role, session, job_id)
        if job.priority not in _STOPPABLE:
            raise InvalidRequest(
                "This ends by itself, or with the page that it belongs to.",
                hint="Close the co-drawing to end it.",
            )
        if job.withdraw():
            return False
        job.cancel()
        return True

    def put_first(self, role: Role, session: str, job_id: str) -> None:
        """Moves an own job before one's others. The owner's jobs go before those of guests anyway.

        Raises:
            InvalidRequest: this person has no such job that waits.
        """
        job = self._found(role, session, job_id)
        if not _is_movable(job, role, session) or not self.queue.put_first(
            job,
            among=lambda other: _is_movable(other, role, session),
            before_sessions=role is Role.OWNER,
        ):
            raise _gone()

    def clear(self, role: Role, session: str) -> int:
        """Removes everything of one's own that waits, and says how much; what runs goes on."""
        require(role, Capability.GENERATE)
        waiting = [job for job in self.queue.look().waiting if _is_movable(job, role, session)]
        return sum(job.withdraw() for job in waiting)

    def _found(self, role: Role, session: str, job_id: str) -> Job:
        require(role, Capability.GENERATE)
        for job in _jobs_of(self.queue.look()):
            if job.id == job_id and _is_seen(job, role, session):
                return job
        raise _gone()

    def _seconds_left(self, look: Look) -> dict[Job, float | None]:
        """Until each job begins; of the one that runs, until it ends."""
        times, left = self.queue.times, {}
        total: float | None = 0.0
        if look.running is not None:
            total = left[look.running] = self._rest_of(look.running, look.seconds)
        for job in look.waiting:
            left[job] = total
            usual = times.usual(job.name)
            total = None if total is None or usual is None else total + usual
        return left

    def _rest_of(self, job: Job, seconds: float) -> float | None:
        progress = job.last(Progress)
        if progress is not None and progress.seconds_left is not None:
            return progress.seconds_left
        usual = self.queue.times.usual(job.name)
        return None if usual is None else max(0.0, usual - seconds)


def _row(
    job: Job, role: Role, session: str, *, look: Look, left_s: float | None, can_move: bool
) -> QueueRow:
    is_own, is_running = _is_own(job, role, session), job is look.running
    place = 0 if is_running else look.waiting.index(job) + (look.running is not None)
    return QueueRow(
        id=job.id,
        kind=job.name,
        subject=job.subject if is_own else "",
        is_own=is_own,
        is_running=is_running,
        place=place,
        left_s=left_s,
        can_stop=job.priority in _STOPPABLE,
        can_move=can_move,
    )


def _jobs_of(look: Look) -> tuple[Job, ...]:
    return look.waiting if look.running is None else (look.running, *look.waiting)


def _is_own(job: Job, role: Role, session: str) -> bool:
    """The owner is one person, whatever page of theirs asked."""
    return job.role is role and (role is Role.OWNER or job.session == session)


def _is_seen(job: Job, role: Role, session: str) -> bool:
    return role is Role.OWNER or _is_own(job, role, session)


def _is_movable(job: Job, role: Role, session: str) -> bool:
    return job.priority in _STOPPABLE and _is_own(job, role, session)


def _gone() -> InvalidRequest:
    return InvalidRequest("This is not in the queue any more.", hint="The list shows what is.")
