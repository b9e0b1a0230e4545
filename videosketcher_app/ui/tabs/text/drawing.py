"""What happens after "Draw" and "Plan first", as news for the page; never ends with an exception."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from videosketcher_app.core.access import Role
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError, Cancelled, InvalidRequest
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.container import Services
from videosketcher_app.services.generation import Destination
from videosketcher_app.services.jobs import Job, State
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.saved import open_saved
from videosketcher_app.ui.present import (
    View,
    present,
    present_error,
    started,
    status_line,
    waiting_line,
)
from videosketcher_app.ui.tabs.text.page import Draft, request_of
from videosketcher_app.ui.tabs.text.planning import answered, plan_of
from videosketcher_app.ui.tabs.text.turns import Turn
from videosketcher_app.ui.texts import t

POLL_S = 0.3  # how often a sketch that waits looks where it stands


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One press of a button.

    Attributes:
        values: of `TextPage.settings_inputs`.
        plan: value of the plan editor.
        draft: where the editor's plan comes from.
        session: whose job it is, for the queue and the guest book.
        request_of: the request of the page's values.
    """

    values: tuple[Any, ...]
    plan: Any
    draft: Draft | None
    session: str
    request_of: Callable[[Sequence[Any]], SketchRequest] = request_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """The page while and after a sketch is made: a view, and the plan if it is a new one."""

    view: View
    draft: Draft | None


def draw(services: Services, role: Role, asked: Asked, turn: Turn) -> Iterator[Drawn]:
    """Plans if needed, draws, and ends with a drawing or a sentence."""
    now = Drawn(view=started(), draft=asked.draft)
    yield now
    try:
        request = asked_request(asked)
        now = replace(now, view=replace(now.view, status=status_line(t("text.stage_planning"))))
        yield now
        planned = answered(lambda: asked_plan(services, role, request, asked), turn.token)
        now = replace(now, draft=_draft(request, planned, asked))
        yield now
        for view in _drawn(services, role, request, planned, asked.session, turn, now.view):
            now = replace(now, view=view)
            yield now
    except AppError as error:
        yield replace(now, view=present_error(error, now.view))


def draw_whole(
    services: Services, role: Role, folder: Path | None, session: str, turn: Turn
) -> Iterator[Drawn]:
    """Draws a sketch that was stopped to its end, and ends with a drawing or a sentence.

    Its request and plan are drawn, whatever the page's fields say by now: the files are those of a
    sketch that nobody stopped.

    Args:
        folder: of the stopped sketch; None if none is shown.
    """
    now = Drawn(view=started(), draft=None)
    yield now
    try:
        if folder is None:
            raise InvalidRequest(t("text.no_drawing"), hint=t("text.no_drawing_hint"))
        saved = open_saved(folder)
        for view in _drawn(services, role, saved.request, saved.planned, session, turn, now.view):
            now = replace(now, view=view)
            yield now
    except AppError as error:
        yield replace(now, view=present_error(error, now.view))


def plan_only(services: Services, role: Role, asked: Asked, turn: Turn) -> Iterator[Drawn]:
    """Plans the concept, also if the editor holds a plan for it, and ends with the plan."""
    now = Drawn(view=started(), draft=asked.draft)
    yield replace(now, view=replace(now.view, status=status_line(t("text.stage_planning"))))
    try:
        request = asked_request(asked).replaced(as_written=False)
        planned = answered(lambda: services.planner.plan(request, role=role), turn.token)
        words = status_line(t("text.planned", count=len(planned.plan.parts)))
        view = replace(now.view, status=words, busy=False)
        yield Drawn(view=view, draft=Draft(prompt=request.prompt, planned=planned))
    except Cancelled:
        words = status_line(t("text.stopped"))
        yield replace(now, view=replace(now.view, status=words, busy=False))
    except AppError as error:
        yield replace(now, view=present_error(error, now.view))


def destination(services: Services, role: Role, session: str) -> Destination:
    """The owner's outputs folder, or a guest's own if there is room in it.

    Raises:
        QuotaExceeded: the guest may keep no more.
    """
    if role is Role.OWNER:
        return Destination(folder=services.settings.output_dir)
    return Destination(folder=services.guests.destination(session))


def asked_request(asked: Asked) -> SketchRequest:
    """The request; an empty field means the concept of the plan in the editor."""
    concept, *others = asked.values
    if not (concept or "").strip():
        if asked.draft is not None:
            concept = asked.draft.prompt
        elif isinstance(asked.plan, dict):
            concept = asked.plan.get("concept") or ""
    return asked.request_of([concept, *others])


def asked_plan(
    services: Services, role: Role, request: SketchRequest, asked: Asked
) -> PlannedDrawing:
    """The plan in the editor if it is the request's, else a new one; see `planning.plan_of`."""

    def plan(wanted: SketchRequest) -> PlannedDrawing:
        return services.planner.plan(wanted, role=role)

    return plan_of(request, asked.plan, asked.draft, plan)


def _draft(request: SketchRequest, planned: PlannedDrawing, asked: Asked) -> Draft | None:
    """The draft for the editor: the old one if its plan was drawn, with or without changes."""
    if request.as_written:
        return asked.draft
    if asked.draft is not None and asked.draft.prompt == request.prompt:
        return asked.draft
    return Draft(prompt=request.prompt, planned=planned)


def _drawn(
    services: Services,
    role: Role,
    request: SketchRequest,
    planned: PlannedDrawing,
    session: str,
    turn: Turn,
    view: View,
) -> Iterator[View]:
    """The page at every step of a request with its plan, from the queue to its files.

    Raises:
        AppError: why it failed; Cancelled if somebody stopped it.
    """
    job = services.generation.submit(
        request,
        planned=planned,
        destination=destination(services, role, session),
        role=role,
        session=session,
    )
    turn.attach(job)
    yield from _followed(services, role, job, view)


def _followed(services: Services, role: Role, job: Job, view: View) -> Iterator[View]:
    """The page at every step of a job.

    Raises:
        AppError: why it failed; Cancelled if somebody stopped it.
    """
    try:
        yield from _waited(services, role, job, view)
        for event in services.generation.follow(job):
            before, view = view, present(event, view)
            if view is not before:
                yield view
    finally:
        job.abandon()


def _waited(services: Services, role: Role, job: Job, view: View) -> Iterator[View]:
    """The place in the queue whenever it changes, until the job's turn has come."""
    shown, pause = None, CancelToken()
    while job.state is State.WAITING:
        position = services.queue.position(job)
        if position and position != shown:
            shown = position
            minutes = services.guests.wait_minutes(position) if role is Role.GUEST else None
            yield replace(view, status=waiting_line(position, minutes))
        pause.wait(POLL_S)
