"""Variations: one drawing with several seeds, the best one marked by measured order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.job import Job
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.variations import (
    DEFAULT_COUNT,
    MAX_COUNT,
    best_of,
    variations_of,
)
from videosketcher_app.ui.components.assets import html_texts
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line
from videosketcher_app.ui.tabs.text.drawing import (
    Asked,
    asked_plan,
    asked_request,
    destination,
)
from videosketcher_app.ui.tabs.text.page import TextPage
from videosketcher_app.ui.tabs.text.sheet_grid import (
    GridParts,
    Sheet,
    Sheets,
    VariationGrid,
    connect_drawing,
    connect_showing,
    ended_early,
    folder_of,
    followed,
)
from videosketcher_app.ui.tabs.text.turns import Turn
from videosketcher_app.ui.texts import t


def build(context: PageContext, page: TextPage, ids: str = "") -> None:
    """Lays the grid out and connects what this role may do.

    Args:
        ids: what the ids of another tab's elements begin with.
    """
    gr.HTML(f'<p class="vs-note">{html_texts("variations")["intro"]}</p>')
    with gr.Row(elem_classes="vs-buttons"):
        count = gr.Slider(
            1,
            MAX_COUNT,
            DEFAULT_COUNT,
            step=1,
            label=t("variations.count"),
            elem_id=f"{ids}vv-count",
        )
        draw = gr.Button(t("variations.draw"), variant="primary", elem_id=f"{ids}vv-draw")
        stop = gr.Button(t("variations.stop"), interactive=False, elem_id=f"{ids}vv-stop")
    status = gr.HTML(elem_id=f"{ids}vv-status", apply_default_css=False)
    grid = VariationGrid(elem_id=f"{ids}vv-grid")
    parts = GridParts(draw=draw, stop=stop, status=status, grid=grid, state=gr.State(Sheets()))

    def drawn_here(number: float, asked: Asked, turn: Turn) -> Iterator[Sheets]:
        return drawn(context, number, asked, turn)

    connect_drawing(context, page, count, parts, drawn_here)
    connect_showing(context, page, parts)
    _connect_taking(context, page, parts)


def _connect_taking(context: PageContext, page: TextPage, parts: GridParts) -> None:
    """A sheet's seed can be set and locked."""

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_take(shown: Sheets, event: gr.EventData) -> list[Any]:
        try:
            index, _ = folder_of(shown, event)
        except AppError as error:
            return [error_line(error), gr.skip(), gr.skip()]
        seed = shown.sheets[index].seed
        return [status_line(t("variations.taken", seed=seed)), seed, True]

    connect(
        context.role,
        parts.grid.take,
        on_take,
        inputs=parts.state,
        outputs=[parts.status, page.seed, page.lock],
        show_progress="hidden",
    )


def drawn(context: PageContext, number: float, asked: Asked, turn: Turn) -> Iterator[Sheets]:
    """The grid after every event; ends with drawings or a sentence, never with an exception.

    Args:
        number: how many variations.
    """
    now = Sheets(busy=True)
    yield now
    try:
        request, planned, seeds = _requested(context, number, asked)
        turn.token.raise_if_cancelled()
        now = replace(
            now, sheets=tuple(Sheet(seed=seed, words=t("variations.waiting")) for seed in seeds)
        )
        yield now
        job = _submitted(context, request, planned, len(seeds), asked.session)
        for news in followed(context, job, now, turn):
            now = news
            yield now
        yield replace(now, status=status_line(_verdict_words(now)), busy=False)
    except AppError as error:
        yield ended_early(now, error)


def _requested(
    context: PageContext, number: float, asked: Asked
) -> tuple[SketchRequest, PlannedDrawing, list[int]]:
    request = asked_request(asked)
    seeds = [each.seed for each in variations_of(request, int(number))]
    return request, asked_plan(context.services, context.role, request, asked), seeds


def _submitted(
    context: PageContext, request: SketchRequest, planned: PlannedDrawing, count: int, session: str
) -> Job:
    services, role = context.services, context.role
    folder = destination(services, role, session).folder
    assert folder is not None, "what the page draws is published"
    return services.variations.submit(
        request, folder=folder, count=count, planned=planned, role=role, session=session
    )


def _verdict_words(now: Sheets) -> str:
    """Which one is marked and by what, or why none is."""
    verdicts = [sheet.verdict for sheet in now.sheets if sheet.verdict is not None]
    count = now.num_done
    unknown = dict.fromkeys(name for verdict in verdicts for name in verdict.unknown)
    problems = [verdict.problem for verdict in verdicts if verdict.problem]
    if unknown:
        return t("variations.unknown", count=count, names=", ".join(unknown))
    if problems:
        return t("variations.problem", count=count, problem=problems[0])
    if count == 1:
        return t("variations.finished_one")
    if best_of(verdicts) is None:
        return t("variations.finished_unmarked", count=count)
    return t("variations.finished", count=count)
