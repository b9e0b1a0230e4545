"""JobEntry: one job's lines in the journal, from the request to the drawing."""

from __future__ import annotations

from collections.abc import Generator

from videosketcher_app.core.errors import AppError, Cancelled
from videosketcher_app.core.events import Event, Planned
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.history_journal import Journal, Place
from videosketcher_app.services.job import Job, State
from videosketcher_app.services.outputs import Drawing
from videosketcher_app.services.planner import PlannedDrawing

Work = Generator[Event, None, Drawing]


class JobEntry:
    """Written by whoever queues the job; see `Journal` for what belongs into a history."""

    def __init__(
        self,
        journal: Journal,
        request: SketchRequest,
        *,
        planned: PlannedDrawing | None,
        place: Place,
        session: str,
    ) -> None:
        self._journal = journal
        self._id: str | None = journal.submitted(
            request, planned=planned, place=place, session=session
        )

    def withdraw(self) -> None:
        """The queue refused the job."""
        self._journal.withdrawn(self._id)

    def accept(self, job: Job) -> None:
        """The queue took the job, which may be cancelled before its body ever runs."""
        job.when_ended(self._note_cancellation)

    def follow(self, work: Work) -> Work:
        """Passes the job's events on, and notes its plan, its end and its drawing."""
        self._journal.started(self._id)
        try:
            drawing = yield from self._noting_plans(work)
        except (Cancelled, GeneratorExit):
            self._journal.ended(self._id, "cancelled")
            raise
        except AppError as error:
            self._journal.ended(self._id, "failed", error=str(error))
            raise
        except BaseException:
            self._journal.ended(self._id, "failed", error="An unexpected error stopped it.")
            raise
        self._journal.published(self._id, drawing)
        return drawing

    def _note_cancellation(self, job: Job) -> None:
        if job.state is State.CANCELLED:
            self._journal.ended(self._id, "cancelled")

    def _noting_plans(self, work: Work) -> Work:
        try:
            while True:
                try:
                    event = next(work)
                except StopIteration as end:
                    return end.value
                if isinstance(event, Planned):
                    self._journal.planned(self._id, event.planned)
                yield event
        finally:
            work.close()
