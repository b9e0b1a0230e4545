"""What a handler answers: values for the components that changed, nothing for the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from videosketcher_app.core.errors import AppError
from videosketcher_app.services.container import Services
from videosketcher_app.services.saved import open_saved
from videosketcher_app.ui.components.player import Player
from videosketcher_app.ui.tabs.text.downloads import Downloads, check_note
from videosketcher_app.ui.tabs.text.drawing import Drawn
from videosketcher_app.ui.tabs.text.page import Result, TextPage
from videosketcher_app.ui.tabs.text.planning import editor_value


def sheet_outputs(page: TextPage) -> list[Any]:
    """What shows the finished drawing, in the order of `sheet_updates`."""
    after = [page.back, page.again, page.whole]
    return [page.preview, page.player, page.result, page.downloads, *after]


def drawing_outputs(page: TextPage) -> list[Any]:
    """What drawing and planning change, in the order of `updates`."""
    buttons = [page.draw, page.plan_first, page.stop, page.stop_and_keep]
    return [page.status, page.seed, page.plan, page.draft, *buttons, *sheet_outputs(page)]


def updates(services: Services, now: Drawn, shown: Drawn | None, *, seed: Any) -> list[Any]:
    """The news since `shown`; None is a page of which nothing is known."""
    is_new_plan = shown is not None and now.draft is not shown.draft and now.draft is not None
    has_news = shown is None or shown.view.busy != now.view.busy
    busy = now.view.busy
    free = gr.update(interactive=not busy) if has_news else gr.skip()
    stop = gr.update(interactive=busy) if has_news else gr.skip()
    return [
        gr.skip() if shown and shown.view.status == now.view.status else now.view.status,
        seed,
        editor_value(now.draft.planned) if is_new_plan and now.draft else gr.skip(),
        now.draft if is_new_plan else gr.skip(),
        free,
        free,
        stop,
        stop,
        *_sheet(services, now, shown),
    ]


def _sheet(services: Services, now: Drawn, shown: Drawn | None) -> list[Any]:
    """The first preview takes the sheet from the drawing before it; the finished one takes it back."""
    view, before = now.view, shown.view if shown is not None else None
    if view.folder is not None and before is not None and before.folder is None:
        return sheet_updates(Result(folder=view.folder, original=view.folder), services)
    if view.preview is None or (before is not None and before.preview is view.preview):
        return same_sheet()
    preview = gr.update(value=view.preview, visible=True)
    if before is not None and before.preview is not None:
        return [preview, *same_sheet()[1:]]
    return [preview, *blank_sheet()]


def same_sheet() -> list[Any]:
    """The sheet as it is: nothing for each of `sheet_outputs`."""
    return [gr.skip()] * 7


def blank_sheet() -> list[Any]:
    """No drawing: all of `sheet_outputs` but the preview."""
    off = gr.update(interactive=False)
    return [None, None, Downloads.news_of(None), off, off, gr.update(visible=False)]


def sheet_updates(result: Result, services: Services) -> list[Any]:
    """A drawing on the sheet, with everything that can be done with it.

    Raises:
        InvalidFile: its folder holds no drawing.
    """
    saved = open_saved(result.folder)
    return [
        gr.update(visible=False),
        Player.value_of(saved),
        result,
        Downloads.news_of(result.folder, _note(services, result.folder)),
        gr.update(interactive=result.folder != result.original),
        gr.update(interactive=True),
        gr.update(visible=saved.stopped is not None),
    ]


def _note(services: Services, folder: Path) -> str:
    try:
        return check_note(services, folder)
    except AppError as error:
        return str(error)
