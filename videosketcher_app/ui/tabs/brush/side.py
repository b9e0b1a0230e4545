"""Several brushes: one plan and seed side by side, and prompts from a list with each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.services.brushes.choice import BrushChoice
from videosketcher_app.services.brushes.desk import DEFAULT_BRUSH, Person
from videosketcher_app.ui.components import batch_table
from videosketcher_app.ui.components.assets import section
from videosketcher_app.ui.components.batch_table import Orders
from videosketcher_app.ui.components.brush_card import card_values
from videosketcher_app.ui.components.brush_shelf import BrushShelf
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line
from videosketcher_app.ui.tabs.brush.bench import IN_ORDER, QUIET
from videosketcher_app.ui.tabs.brush.page import IDS, BrushPage, looks_of, person_of, with_brush
from videosketcher_app.ui.tabs.text.drawing import (
    Asked,
    asked_plan,
    asked_request,
    destination,
)
from videosketcher_app.ui.tabs.text.layout import note_html
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


def build_side(context: PageContext, page: BrushPage) -> None:
    """Lays both out, each in an accordion of its own, and connects what this role may do."""
    with gr.Accordion(t("brush.side"), open=False, elem_id=f"{IDS}side-fold"):
        gr.HTML(note_html(t("brush.side_intro")), padding=False)
        shelf = BrushShelf(several=True, elem_id=f"{IDS}side-shelf")
        picked = gr.State([])
        with gr.Row(elem_classes="vs-buttons"):
            draw = gr.Button(t("brush.side_draw"), variant="primary", elem_id=f"{IDS}side-draw")
            stop = gr.Button(t("brush.side_stop"), interactive=False, elem_id=f"{IDS}side-stop")
        status = gr.HTML(elem_id=f"{IDS}side-status", apply_default_css=False)
        words = {name: section("brush")[name] for name in ("take", "take_named")}
        grid = VariationGrid(words=words, elem_id=f"{IDS}side-grid")
        parts = GridParts(draw=draw, stop=stop, status=status, grid=grid, state=gr.State(Sheets()))

        def drawn_here(names: list[str], asked: Asked, turn: Turn) -> Iterator[Sheets]:
            return drawn(context, names, asked, turn)

        _connect_picks(context, shelf, picked, status)
        connect_drawing(context, page, picked, parts, drawn_here)
        connect_showing(context, page, parts)
        _connect_taking(context, page, parts)
    with gr.Accordion(t("brush.batch"), open=False, elem_id=f"{IDS}batch-fold"):
        gr.HTML(note_html(t("brush.batch_intro")), padding=False)
        batch_table.build(
            context,
            IDS,
            ordering=lambda prompts, session, values: orders_of(context, prompts, session, values),
            inputs=[picked, page.card.choice, page.show_box, page.own_ink],
        )


def _connect_picks(
    context: PageContext, shelf: BrushShelf, picked: gr.State, status: gr.HTML
) -> None:
    @handler(Capability.GENERATE)
    def on_seen(names: list[str], request: gr.Request) -> Any:
        return BrushShelf.value_of(
            context.services.brushes.shelf(person_of(context, request)), names
        )

    @handler(Capability.GENERATE)
    def on_picks(event: gr.EventData) -> list[Any]:
        try:
            names = BrushShelf.names_of(event._data)
            return [names, status_line(t("brush.side_picked", count=len(names)))]
        except AppError as error:
            return [gr.skip(), error_line(error)]

    connect(context.role, shelf.seen, on_seen, inputs=picked, outputs=shelf, **IN_ORDER)
    connect(context.role, shelf.picks, on_picks, outputs=[picked, status], **IN_ORDER)


def drawn(context: PageContext, names: Sequence[str], asked: Asked, turn: Turn) -> Iterator[Sheets]:
    """The grid after every event; ends with drawings or a sentence, never with an exception."""
    services, role = context.services, context.role
    now = Sheets(busy=True)
    yield now
    try:
        choices = picked_choices(context, names, Person(role=role, session=asked.session))
        request = asked_request(asked)
        planned = asked_plan(services, role, request, asked)
        turn.token.raise_if_cancelled()
        waiting = t("variations.waiting")
        sheets = [Sheet(seed=request.seed, label=c.title, words=waiting) for c in choices]
        now = replace(now, sheets=tuple(sheets))
        yield now
        folder = destination(services, role, asked.session).folder
        assert folder is not None, "what the page draws is published"
        assert request.brush is not None
        looks = {"show_box": request.brush.show_box, "finish": request.brush.finish}
        job = services.side_by_side.submit(
            [with_brush(request, choice.spec, **looks) for choice in choices],
            folder=folder,
            planned=planned,
            role=role,
            session=asked.session,
        )
        for news in followed(context, job, now, turn):
            now = news
            yield now
        done = status_line(t("brush.side_done", count=now.num_done))
        yield replace(now, status=done, busy=False)
    except AppError as error:
        yield ended_early(now, error)


def picked_choices(context: PageContext, names: Sequence[str], person: Person) -> list[BrushChoice]:
    """The brushes that are picked.

    Raises:
        InvalidRequest: there are fewer than two, or one is gone.
    """
    if len(names) < 2:
        raise InvalidRequest(t("brush.side_few"), hint=t("brush.side_few_hint"))
    return [context.services.brushes.pick(name, person) for name in names]


def _connect_taking(context: PageContext, page: BrushPage, parts: GridParts) -> None:
    """A sheet's brush can become the chosen one."""

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_take(shown: Sheets, event: gr.EventData, request: gr.Request) -> list[Any]:
        from videosketcher_app.services.saved import open_saved

        try:
            _, folder = folder_of(shown, event)
            spec = open_saved(folder).request.brush
            assert spec is not None, "these drawings have brushes"
            choice = context.services.brushes.reopened(spec, person_of(context, request))
        except AppError as error:
            return [error_line(error), *[gr.skip()] * len(page.card.outputs)]
        words = status_line(t("brush.side_taken", title=choice.title))
        return [words, *card_values(choice)]

    connect(
        context.role,
        parts.grid.take,
        on_take,
        inputs=parts.state,
        outputs=[parts.status, *page.card.outputs],
        **QUIET,
    )


def orders_of(
    context: PageContext, prompts: list[str], session: str, values: Sequence[Any]
) -> Orders:
    """Every prompt with every brush that is picked, else with the one that is chosen.

    Raises:
        InvalidRequest: a brush is gone.
    """
    names, choice, show_box, own_ink = values
    desk, person = context.services.brushes, Person(role=context.role, session=session)
    picked = [desk.pick(name, person) for name in names or ()]
    choices = picked or [choice or desk.pick(DEFAULT_BRUSH, person)]
    brushes = [
        {"brush": {**each.spec.model_dump(mode="json"), **looks_of(show_box, own_ink)}}
        for each in choices
    ]
    return Orders(
        prompts=[prompt for prompt in prompts for _ in choices],
        own_settings=[brush for _ in prompts for brush in brushes],
        notes=[each.title for _ in prompts for each in choices],
    )
