"""Re-ink's wires: the drawing on the sheet, painted again with the chosen brush."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability, Role
from videosketcher_app.core.errors import AppError, Cancelled
from videosketcher_app.services.brushes.choice import BrushChoice
from videosketcher_app.services.saved import SavedDrawing, open_saved
from videosketcher_app.ui.components.brush_card import card_values
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.doors import session_of
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line
from videosketcher_app.ui.tabs.brush.bench import QUIET, nothing_chosen
from videosketcher_app.ui.tabs.brush.page import BrushPage, person_of
from videosketcher_app.ui.tabs.text.page import Result
from videosketcher_app.ui.tabs.text.reuse import nothing_there
from videosketcher_app.ui.tabs.text.turns import Turn, Turns
from videosketcher_app.ui.tabs.text.updates import sheet_outputs, sheet_updates
from videosketcher_app.ui.texts import t


def connect_inking(context: PageContext, page: BrushPage) -> None:
    """Connects what this role may do."""
    turns = Turns()
    role, services = context.role, context.services

    @handler(Capability.GENERATE)
    def on_reink(
        result: Result | None, choice: BrushChoice | None, show_box: bool, request: gr.Request
    ) -> Iterator[list[Any]]:
        skipped = [gr.skip()] * len(sheet_outputs(page))
        turn = turns.begin(str(request.session_hash))
        yield [status_line(t("brush.reinking")), gr.update(interactive=False), *skipped]
        begun = time.monotonic()
        try:
            new = reinked(context, result, choice, show_box is True, session_of(request), turn)
            seconds = f"{time.monotonic() - begun:.1f}"
            assert choice is not None
            words = status_line(t("brush.reinked", title=choice.title, seconds=seconds))
            news = sheet_updates(new, services)
        except Cancelled:
            words, news = status_line(t("brush.reink_stopped")), skipped
        except AppError as error:
            words, news = error_line(error), skipped
        finally:
            turns.end(str(request.session_hash), turn)
        yield [words, gr.update(interactive=True), *news]

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_again(result: Result | None, request: gr.Request) -> list[Any]:
        """The brush of the drawing comes back with its other settings."""
        try:
            spec = open_saved(result.folder).request.brush if result else None
            if spec is None:
                return [gr.skip()] * (1 + len(page.card.outputs))
            choice = services.brushes.reopened(spec, person_of(context, request))
            return ["", *card_values(choice)]
        except AppError as error:
            return [error_line(error), *[gr.skip()] * len(page.card.outputs)]

    connect(
        role,
        page.reink.click,
        on_reink,
        inputs=[page.result, page.card.choice, page.show_box],
        outputs=[page.status, page.reink, *sheet_outputs(page)],
        **QUIET,
    )
    connect(
        role,
        page.again.click,
        on_again,
        inputs=page.result,
        outputs=[page.told, *page.card.outputs],
        **QUIET,
    )


def reinked(
    context: PageContext,
    result: Result | None,
    choice: BrushChoice | None,
    show_box: bool,
    session: str,
    turn: Turn,
) -> Result:
    """The drawing that is shown, painted with a brush.

    Raises:
        InvalidRequest: no drawing is shown, or it has no strokes.
        QuotaExceeded: a guest may keep no more.
        Cancelled: somebody stopped it.
    """
    from videosketcher_app.services.brushes.reink import reink

    if result is None:
        raise nothing_there()
    if choice is None:
        raise nothing_chosen()
    if context.role is Role.GUEST:
        context.services.guests.destination(session)
    new = reink(open_saved(result.folder), choice, show_box=show_box, cancel=turn.token)
    return Result(folder=new.folder, original=result.original)


def taking(context: PageContext) -> Callable[[SavedDrawing], list[Any]]:
    """(drawing) -> updates of `taking_outputs(page)`, for the gallery's button."""

    def take(saved: SavedDrawing) -> list[Any]:
        words = t("brush.reink_ready", concept=saved.planned.plan.concept)
        shown = Result(folder=saved.folder, original=saved.folder)
        return [status_line(words), *sheet_updates(shown, context.services)]

    return take


def taking_outputs(page: BrushPage) -> list[Any]:
    """What shows a drawing on the Brush tab."""
    return [page.status, *sheet_outputs(page)]
