"""Several brushes: one plan and seed side by side, and prompts from a list with each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.context import Context

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.services.brushes.choice import BrushChoice
from videosketcher_app.services.brushes.desk import DEFAULT_BRUSH, Person
from videosketcher_app.ui.components import batch_table
from videosketcher_app.ui.components.assets import section
from videosketcher_app.ui.components.batch_table import Orders
from videosketcher_app.ui.components.brush_card import card_values
from videosketcher_app.ui.components.brush_shelf import BrushShelf
from videosketcher_app.ui.components.variations import (
    Sheet,
    Sheets,
    VariationGrid,
    ended_early,
    folder_of,
    followed,
    grid_value,
)
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.doors import session_of
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line
from videosketcher_app.ui.tabs.brush.bench import IN_ORDER, QUIET
from videosketcher_app.ui.tabs.brush.page import IDS, BrushPage, person_of
from videosketcher_app.ui.tabs.text.drawing import (
    Asked,
    asked_plan,
    asked_request,
    destination,
)
from videosketcher_app.ui.tabs.text.layout import note_html
from videosketcher_app.ui.tabs.text.page import Result
from videosketcher_app.ui.tabs.text.turns import Turn, Turns
from videosketcher_app.ui.tabs.text.updates import sheet_outputs, sheet_updates
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
        state = gr.State(Sheets())
        _connect_picks(context, shelf, picked, status)
        _connect_drawing(context, page, picked, (draw, stop, status, grid, state))
        _connect_sheets(context, page, picked, (status, grid, state))
    with gr.Accordion(t("brush.batch"), open=False, elem_id=f"{IDS}batch-fold"):
        gr.HTML(note_html(t("brush.batch_intro")), padding=False)
        batch_table.build(
            context,
            IDS,
            ordering=lambda prompts, session, values: orders_of(context, prompts, session, values),
            inputs=[picked, page.card.choice, page.show_box],
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


def _connect_drawing(
    context: PageContext, page: BrushPage, picked: gr.State, parts: tuple[Any, ...]
) -> None:
    draw, stop, status, grid, state = parts
    turns = Turns()

    @handler(Capability.GENERATE)
    def on_draw(
        request: gr.Request, names: list[str], plan: Any, draft: Any, *values: Any
    ) -> Iterator[list[Any]]:
        turn = turns.begin(str(request.session_hash))
        asked = Asked(
            values=tuple(values),
            plan=plan,
            draft=draft,
            session=session_of(request),
            request_of=page.request_of,
        )
        try:
            for now in drawn(context, names, asked, turn):
                free = gr.update(interactive=not now.busy)
                busy = gr.update(interactive=now.busy)
                yield [now.status, grid_value(now), now, free, busy]
        finally:
            turns.end(str(request.session_hash), turn)

    @handler(Capability.GENERATE)
    def on_stop(request: gr.Request) -> None:
        turns.stop(str(request.session_hash))

    connect(
        context.role,
        draw.click,
        on_draw,
        inputs=[picked, *page.plan_inputs, *page.settings_inputs],
        outputs=[status, grid, state, draw, stop],
        **QUIET,
    )
    connect(context.role, stop.click, on_stop, queue=False)
    blocks = Context.root_block
    assert blocks is not None, "a tab is built within a page"
    blocks.unload(on_stop)  # who closes the page wants no drawing any more


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
        shows_box = {"show_box": request.brush.show_box}
        job = services.side_by_side.submit(
            [
                request.replaced(brush={**choice.spec.model_dump(mode="json"), **shows_box})
                for choice in choices
            ],
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


def _connect_sheets(
    context: PageContext, page: BrushPage, picked: gr.State, parts: tuple[Any, ...]
) -> None:
    """What a finished sheet can become."""
    status, grid, state = parts

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_show(shown: Sheets, event: gr.EventData) -> list[Any]:
        try:
            index, folder = folder_of(shown, event)
            news = sheet_updates(Result(folder=folder, original=folder), context.services)
        except AppError as error:
            return [error_line(error), *[gr.skip()] * len(sheet_outputs(page))]
        return [status_line(t("variations.opened", number=index + 1)), *news]

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

    quiet: dict[str, Any] = {"inputs": state, **QUIET}
    connect(context.role, grid.show, on_show, outputs=[status, *sheet_outputs(page)], **quiet)
    connect(context.role, grid.take, on_take, outputs=[status, *page.card.outputs], **quiet)


def orders_of(
    context: PageContext, prompts: list[str], session: str, values: Sequence[Any]
) -> Orders:
    """Every prompt with every brush that is picked, else with the one that is chosen.

    Raises:
        InvalidRequest: a brush is gone.
    """
    names, choice, show_box = values
    desk, person = context.services.brushes, Person(role=context.role, session=session)
    picked = [desk.pick(name, person) for name in names or ()]
    choices = picked or [choice or desk.pick(DEFAULT_BRUSH, person)]
    brushes = [
        {"brush": {**each.spec.model_dump(mode="json"), "show_box": show_box is True}}
        for each in choices
    ]
    return Orders(
        prompts=[prompt for prompt in prompts for _ in choices],
        own_settings=[brush for _ in prompts for brush in brushes],
        notes=[each.title for _ in prompts for each in choices],
    )
