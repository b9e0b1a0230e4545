"""The Text tab's wires: which press calls what, and what of the page that changes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError, Cancelled
from videosketcher_app.core.requests import MAX_SEED
from videosketcher_app.services.container import Services
from videosketcher_app.ui.components.drop_zone import DropZone
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.doors import session_of
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line
from videosketcher_app.ui.tabs.text import downloads, drawing, results, reuse
from videosketcher_app.ui.tabs.text.drawing import Asked, Drawn
from videosketcher_app.ui.tabs.text.layout import note_html
from videosketcher_app.ui.tabs.text.lora_slots import slot_values
from videosketcher_app.ui.tabs.text.model_fields import connect_model_fields, field_values
from videosketcher_app.ui.tabs.text.page import Result, TextPage
from videosketcher_app.ui.tabs.text.turns import Turn, Turns
from videosketcher_app.ui.tabs.text.updates import (
    drawing_outputs,
    sheet_outputs,
    sheet_updates,
    updates,
)
from videosketcher_app.ui.tabs.text.values import (
    model_choices,
    model_note,
    preset_request,
    settings_values,
)
from videosketcher_app.ui.texts import t

QUIET = {"show_progress": "hidden"}
# The job queue is what decides who waits for the model; planners and exports wait for themselves.
OPEN = {"show_progress": "hidden", "concurrency_limit": None}
EXPORTS_AT_ONCE = 2


def connect_all(context: PageContext, page: TextPage, zone: DropZone | None) -> list[Any]:
    """Connects what this role may do; gives the events that end when a sketch has ended.

    Args:
        zone: the window's drop zone, for the one tab that takes exported files.
    """
    turns = Turns()
    ends = _connect_drawing(context, page, turns)
    _connect_stops(context, page, turns)
    _connect_fields(context, page)
    connect_model_fields(context, page.model_fields, page.model)
    _connect_results(context, page, turns)
    _connect_downloads(context, page)
    _connect_reuse(context, page, zone)
    return ends


def _connect_drawing(context: PageContext, page: TextPage, turns: Turns) -> list[Any]:
    services, role = context.services, context.role

    @handler(Capability.GENERATE)
    def on_draw(request: gr.Request, plan: Any, draft: Any, lock: bool, *values: Any) -> Any:
        asked = _asked(page, plan, draft, lock, values, request)
        yield from _drawn(context, turns, asked, request)

    @handler(Capability.GENERATE)
    def on_plan(request: gr.Request, plan: Any, draft: Any, _lock: bool, *values: Any) -> Any:
        asked = _asked(page, plan, draft, True, values, request)
        turn = turns.begin(_page_of(request))
        news = drawing.plan_only(services, role, asked, turn)
        yield from _followed(services, turns, turn, _page_of(request), news, gr.skip())

    @handler(Capability.GENERATE)
    def on_whole(request: gr.Request, result: Result | None) -> Iterator[list[Any]]:
        turn, folder = turns.begin(_page_of(request)), None if result is None else result.original
        news = drawing.draw_whole(services, role, folder, session_of(request), turn)
        yield from _followed(services, turns, turn, _page_of(request), news, gr.skip())

    wiring: dict[str, Any] = {
        "inputs": [*page.plan_inputs, page.lock, *page.settings_inputs],
        "outputs": drawing_outputs(page),
        "trigger_mode": "multiple",  # a press right after "Done" counts, though its end is on its way
        **OPEN,
    }
    moments = (page.draw.click, page.concept.submit)
    ends = [connect(role, moment, on_draw, **wiring) for moment in moments]
    connect(role, page.plan_first.click, on_plan, **wiring)
    whole = {**wiring, "inputs": page.result}
    ends.append(connect(role, page.whole.click, on_whole, **whole))
    return [end for end in ends if end is not None]


def _asked(
    page: TextPage,
    plan: Any,
    draft: Any,
    lock: bool,
    values: Sequence[Any],
    request: gr.Request,
) -> Asked:
    values = list(values)
    if not lock:
        values[2] = secrets.randbelow(MAX_SEED + 1)
    return Asked(
        values=tuple(values),
        plan=plan,
        draft=draft,
        session=session_of(request),
        request_of=page.request_of,
    )


def _drawn(
    context: PageContext, turns: Turns, asked: Asked, request: gr.Request
) -> Iterator[list[Any]]:
    turn = turns.begin(_page_of(request))
    news = drawing.draw(context.services, context.role, asked, turn)
    yield from _followed(context.services, turns, turn, _page_of(request), news, asked.values[2])


def _followed(
    services: Services, turns: Turns, turn: Turn, page: str, news: Iterator[Drawn], seed: Any
) -> Iterator[list[Any]]:
    """The page's updates, as long as no newer turn of this page has taken over."""
    shown: Drawn | None = None
    try:
        for now in news:
            if not turns.is_current(page, turn):
                return
            yield updates(services, now, shown, seed=seed if shown is None else gr.skip())
            shown = now
    finally:
        turns.end(page, turn)


def _connect_stops(context: PageContext, page: TextPage, turns: Turns) -> None:
    @handler(Capability.GENERATE)
    def on_stop(request: gr.Request) -> None:
        turns.stop(_page_of(request))

    @handler(Capability.GENERATE)
    def on_leave(request: gr.Request) -> None:
        turns.leave(_page_of(request))

    @handler(Capability.GENERATE)
    def on_keep(request: gr.Request) -> None:
        turns.finish_early(_page_of(request))

    connect(context.role, page.stop.click, on_stop, queue=False)
    connect(context.role, page.stop_and_keep.click, on_keep, queue=False)
    blocks = Context.root_block
    assert blocks is not None, "a tab is built within a page"
    blocks.unload(on_leave)  # who closes the page wants no drawing any more


def _connect_fields(context: PageContext, page: TextPage) -> None:
    """Fields that fill others."""
    presets = {preset.name: preset for preset in context.services.presets}
    known_models = model_choices(context.model)
    slots = page.loras.inputs if page.loras is not None else []
    fields = [*page.settings_fields, *page.model_fields.inputs, page.as_written, *slots]

    @handler(Capability.GENERATE)
    def on_preset(name: str | None, model: str) -> list[Any]:
        preset = presets.get(name or "")
        if preset is None:
            return [gr.skip()] * len(fields)
        request = preset_request(preset, model=model)
        wanted, *others = settings_values(request)
        loras = slot_values(request) if slots and request.loras else [gr.skip()] * len(slots)
        written = request.as_written if "as_written" in preset.request else gr.skip()
        chosen = wanted if wanted in known_models else model
        return [chosen, *others, *field_values(request, chosen), written, *loras]

    @handler(Capability.GENERATE)
    def on_dice() -> int:
        return secrets.randbelow(MAX_SEED + 1)

    @handler(Capability.GENERATE)
    def on_typed_seed() -> bool:
        return True

    @handler(Capability.GENERATE)
    def on_model(model: str) -> str:
        return note_html(model_note(model))

    quick = {**QUIET, "queue": False}
    connect(
        context.role,
        page.preset.input,
        on_preset,
        inputs=[page.preset, page.model],
        outputs=fields,
        **quick,
    )
    connect(context.role, page.dice.click, on_dice, outputs=page.seed, **quick)
    connect(context.role, page.seed.input, on_typed_seed, outputs=page.lock, **quick)
    connect(
        context.role,
        page.model.change,
        on_model,
        inputs=page.model,
        outputs=page.about_model,
        **quick,
    )


def _connect_results(context: PageContext, page: TextPage, turns: Turns) -> None:
    services, role = context.services, context.role

    @handler(Capability.GENERATE)
    def on_retime(
        result: Result | None, event: gr.EventData, request: gr.Request
    ) -> Iterator[list[Any]]:
        skipped = [gr.skip()] * len(sheet_outputs(page))
        turn = turns.begin(_page_of(request))
        yield [status_line(t("text.retiming")), *_buttons(busy=True), *skipped]
        try:
            new = results.retimed(
                services, role, result, event._data, session_of(request), turn.token
            )
            words, news = status_line(t("text.retimed")), sheet_updates(new, services)
        except Cancelled:
            words, news = status_line(t("text.retime_stopped")), skipped
        except AppError as error:
            words, news = error_line(error), skipped
        finally:
            turns.end(_page_of(request), turn)
        yield [words, *_buttons(busy=False), *news]

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_back(result: Result | None) -> list[Any]:
        try:
            if result is None:
                raise reuse.nothing_there()
            first = Result(folder=result.original, original=result.original)
            return [status_line(t("text.original")), *sheet_updates(first, services)]
        except AppError as error:
            return [error_line(error), *[gr.skip()] * len(sheet_outputs(page))]

    connect(
        role,
        page.player.retime,
        on_retime,
        inputs=page.result,
        outputs=[page.status, page.draw, page.plan_first, page.stop, *sheet_outputs(page)],
        **OPEN,
    )
    connect(
        role,
        page.back.click,
        on_back,
        inputs=page.result,
        outputs=[page.status, *sheet_outputs(page)],
        **QUIET,
    )


def _buttons(*, busy: bool) -> list[Any]:
    """Draw, plan first and stop."""
    free = gr.update(interactive=not busy)
    return [free, free, gr.update(interactive=busy)]


def _connect_downloads(context: PageContext, page: TextPage) -> None:
    @handler(Capability.READ_OWN_OUTPUTS)
    def on_make(event: gr.EventData, result: Result | None, *options: Any) -> Iterator[Any]:
        folder = result.folder if result is not None else None
        yield from downloads.made(context.services, event._data, folder, options)

    connect(
        context.role,
        page.downloads.make,
        on_make,
        inputs=[page.result, *page.file_options],
        outputs=page.downloads,
        show_progress="hidden",
        concurrency_limit=EXPORTS_AT_ONCE,
    )


def _connect_reuse(context: PageContext, page: TextPage, zone: DropZone | None) -> None:
    outputs = reuse.reuse_outputs(page)

    @handler(Capability.UPLOAD_MEDIA)
    def on_dropped(event: gr.EventData) -> list[Any]:
        try:
            assert zone is not None, "without a zone nothing is dropped"
            path = DropZone.path_of(event._data, Path(zone.GRADIO_CACHE))
            name = str(event._data.get("name") or path.name)[:80]
            return reuse.from_file(context, page, path, name)
        except AppError as error:
            return [error_line(error), *[gr.skip()] * len(outputs)]

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_again(result: Result | None) -> list[Any]:
        try:
            return reuse.from_result(context, page, result)
        except AppError as error:
            return [error_line(error), *[gr.skip()] * len(outputs)]

    wiring: dict[str, Any] = {"outputs": [page.status, *outputs], **QUIET}
    if zone is not None:
        connect(context.role, zone.dropped, on_dropped, **wiring)
    connect(context.role, page.again.click, on_again, inputs=page.result, **wiring)


def _page_of(request: gr.Request) -> str:
    return str(request.session_hash)
