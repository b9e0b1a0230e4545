"""Journal: writes down what happens to a job. Its trouble never stops or loses a drawing."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

from videosketcher_app.core.errors import AppError
from videosketcher_app.core.plan import parse_plan
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.history_index import root_name, row_of
from videosketcher_app.services.outputs import Drawing
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.process_mark import own_mark
from videosketcher_app.services.saved import open_saved
from videosketcher_app.storage.history import HistoryStore, JobRow, new_id

logger = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a job's drawing goes: the folder of runs, a prefix of its name, and whether a GIF."""

    folder: Path
    prefix: str = ""
    gif: bool = False


def forgiving(method: F) -> F:
    """Logs what goes wrong and answers None: a drawing is worth more than its entry."""

    @functools.wraps(method)
    def guarded(*arguments: Any, **named: Any) -> Any:
        try:
            return method(*arguments, **named)
        except (AppError, OSError) as error:
            logger.warning("The history missed something (%s): %s", method.__name__, error)
            return None

    return guarded  # type: ignore[return-value]


class Journal:
    """Notes the life of every job that draws below the outputs folder.

    Args:
        open_store: gives the database, opening it when first needed.
        output_dir: drawings elsewhere (a guest's, for instance) are not noted.
    """

    def __init__(self, open_store: Callable[[], HistoryStore], output_dir: Path) -> None:
        self._open_store = open_store
        self._output_dir = output_dir
        self._is_closing = False

    @forgiving
    def submitted(
        self,
        request: SketchRequest,
        *,
        planned: PlannedDrawing | None,
        place: Place,
        session: str = "",
        kind: str = "text",
    ) -> str | None:
        """Notes what was asked for; None if it does not belong to this history."""
        relative = self._relative(place.folder)
        if relative is None:
            return None
        job_id = new_id()
        destination = {"folder": relative, "prefix": place.prefix, "gif": place.gif}
        row = JobRow(
            id=job_id,
            kind=kind,
            request=request.to_mapping(),
            planned=None if planned is None else planned_to_mapping(planned),
            session=session,
            created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            root=root_name(self._output_dir),
            destination=destination,
            process=own_mark(),
        )
        self._open_store().add_job(row)
        return job_id

    @forgiving
    def withdrawn(self, job_id: str | None) -> None:
        """The queue refused the job: it never was."""
        if job_id is not None:
            self._open_store().remove_job(job_id)

    @forgiving
    def started(self, job_id: str | None) -> None:
        """The job runs."""
        if job_id is not None:
            self._open_store().set_running(job_id)

    @forgiving
    def planned(self, job_id: str | None, planned: PlannedDrawing) -> None:
        """The job's plan is known; drawing it again needs no planner."""
        if job_id is not None:
            self._open_store().set_planned(job_id, planned_to_mapping(planned))

    @forgiving
    def ended(self, job_id: str | None, state: str, *, error: str = "") -> None:
        """The job ended without a drawing; one that the app's own end stopped is interrupted."""
        if job_id is None:
            return
        if state == "cancelled" and self._is_closing:
            state = "interrupted"
        self._open_store().end_job(job_id, state, error=error)

    @forgiving
    def published(self, job_id: str | None, drawing: Drawing) -> str | None:
        """A drawing is on the disk; returns its id, None if it lies outside of the outputs."""
        relative = None if drawing.folder is None else self._relative(drawing.folder)
        if relative is None:
            return None
        row = row_of(open_saved(self._output_dir / relative), self._output_dir)
        return self._open_store().finish_job(job_id, row)

    def closing(self) -> None:
        """From now on a job that is cancelled was stopped by the app's end, not by a person."""
        self._is_closing = True

    def _relative(self, folder: Path) -> str | None:
        try:
            return folder.resolve().relative_to(self._output_dir.resolve()).as_posix()
        except ValueError:
            return None


def planned_to_mapping(planned: PlannedDrawing) -> dict[str, Any]:
    """A plan as plain values; `planned_from_mapping` reads it back."""
    return {
        "plan": str(planned.plan),
        "model_plan": str(planned.model_plan),
        "planner": planned.planner,
        "note": planned.note,
        "nearest": list(planned.nearest),
        "taught": planned.taught,
    }


def planned_from_mapping(values: Mapping[str, Any]) -> PlannedDrawing:
    """The plan that `planned_to_mapping` wrote.

    Raises:
        InvalidRequest: the values hold no plan.
    """
    return PlannedDrawing(
        plan=parse_plan(str(values.get("plan", ""))),
        model_plan=parse_plan(str(values.get("model_plan", ""))),
        planner=str(values.get("planner", "")),
        note=str(values.get("note", "")),
        nearest=tuple(str(title) for title in values.get("nearest", ())),
        taught=values.get("taught") is True,
    )
