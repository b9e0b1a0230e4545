"""Variations: a grid of sheets that fill as they are drawn, the best one marked by measured order."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.context import Context
from numpy.typing import NDArray
from PIL import Image

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError, Cancelled, InvalidRequest
from videosketcher_app.core.events import Preview, Progress, Waiting
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.job import Job
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.variations import (
    DEFAULT_COUNT,
    MAX_COUNT,
    Begun,
    Drawn,
    VariationEvent,
    Verdict,
    best_of,
    variations_of,
)
from videosketcher_app.ui.components.assets import html_texts, script, section, style
from videosketcher_app.ui.components.gallery_grid import file_url
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.doors import session_of
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line, waiting_line
from videosketcher_app.ui.tabs.text.drawing import (
    Asked,
    asked_plan,
    asked_request,
    destination,
)
from videosketcher_app.ui.tabs.text.page import Result, TextPage
from videosketcher_app.ui.tabs.text.turns import Turn, Turns
from videosketcher_app.ui.tabs.text.updates import sheet_outputs, sheet_updates
from videosketcher_app.ui.texts import t

JPEG_QUALITY = 80  # of previews that live for a step
_TEMPLATE = '<ul class="vv-grid" aria-label="{grid_label}" hidden></ul>'


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One variation on the page.

    Attributes:
        state: "waiting", "drawing", "done" or "not_drawn".
        label: what sets it apart from the others; empty for its seed.
        words: the line under the seed.
        preview: picture while it is drawn, as a data address.
    """

    seed: int
    label: str = ""
    state: str = "waiting"
    words: str = ""
    preview: str = ""
    drawn: Drawn | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, kw_only=True)
class Sheets:
    """All variations and the line above them; a browser tab's state."""

    sheets: tuple[Sheet, ...] = ()
    status: str = ""
    busy: bool = False

    @property
    def num_done(self) -> int:
        """How many are on the disk."""
        return sum(sheet.drawn is not None for sheet in self.sheets)

    def changed(self, index: int, **changes: Any) -> Sheets:
        """The same with one sheet changed."""
        sheets = list(self.sheets)
        sheets[index] = replace(sheets[index], **changes)
        return replace(self, sheets=tuple(sheets))


class VariationGrid(gr.HTML):
    """Shows what `grid_value` makes of Sheets. Events `show` and `take` carry the sheet's index.

    Args:
        words: other texts than those of the section "variations", by name.
    """

    def __init__(self, value: Any = None, *, words: Any = None, **options: Any) -> None:
        super().__init__(
            value=value,
            html_template=_TEMPLATE.format(**html_texts("variations")),
            css_template=style("variations"),
            js_on_load=script("variations", TEXT=section("variations") | (words or {})),
            apply_default_css=False,
            **options,
        )


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
    state = gr.State(Sheets())
    _connect_drawing(context, page, (count, draw, stop, status, grid, state))
    _connect_sheets(context, page, grid, state, status)


def _connect_drawing(context: PageContext, page: TextPage, parts: tuple[Any, ...]) -> None:
    count, draw, stop, status, grid, state = parts
    turns = Turns()

    @handler(Capability.GENERATE)
    def on_draw(
        request: gr.Request, number: float, plan: Any, draft: Any, *values: Any
    ) -> Iterator[list[Any]]:
        turn = turns.begin(str(request.session_hash))
        try:
            asked = Asked(
                values=tuple(values),
                plan=plan,
                draft=draft,
                session=session_of(request),
                request_of=page.request_of,
            )
            for now in drawn(context, number, asked, turn):
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
        inputs=[count, *page.plan_inputs, *page.settings_inputs],
        outputs=[status, grid, state, draw, stop],
        show_progress="hidden",
        concurrency_limit=None,  # the job queue is what decides who waits
    )
    connect(context.role, stop.click, on_stop, queue=False)
    blocks = Context.root_block
    assert blocks is not None, "a component is built within a page"
    blocks.unload(on_stop)  # who closes the page wants no drawing any more


def _connect_sheets(
    context: PageContext, page: TextPage, grid: Any, state: gr.State, status: gr.HTML
) -> None:
    """What a finished sheet can become."""

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_show(shown: Sheets, event: gr.EventData) -> list[Any]:
        try:
            index, folder = folder_of(shown, event)
            news = sheet_updates(Result(folder=folder, original=folder), context.services)
        except AppError as error:
            return [error_line(error), *[gr.skip()] * len(sheet_outputs(page))]
        return [status_line(t("variations.opened", number=index + 1)), *news]

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_take(shown: Sheets, event: gr.EventData) -> list[Any]:
        try:
            index, _ = folder_of(shown, event)
        except AppError as error:
            return [error_line(error), gr.skip(), gr.skip()]
        seed = shown.sheets[index].seed
        return [status_line(t("variations.taken", seed=seed)), seed, True]

    quiet: dict[str, Any] = {"inputs": state, "show_progress": "hidden"}
    connect(context.role, grid.show, on_show, outputs=[status, *sheet_outputs(page)], **quiet)
    connect(context.role, grid.take, on_take, outputs=[status, page.seed, page.lock], **quiet)


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


def followed(context: PageContext, job: Job, now: Sheets, turn: Turn) -> Iterator[Sheets]:
    """The grid after every event of a job, which ends with the iterator.

    Raises:
        AppError: why it failed; Cancelled if somebody stopped it.
    """
    turn.attach(job)
    try:
        for event in context.services.variations.follow(job):
            before, now = now, after(event, now)
            if now is not before:
                yield now
    finally:
        job.cancel()


def after(event: VariationEvent, now: Sheets) -> Sheets:
    """The grid after one more event."""
    index = event.index
    match event.event:
        case Waiting(position=position):
            return replace(now, status=waiting_line(position))
        case Begun():
            return replace(
                now.changed(index, state="drawing", words=t("variations.drawing")), status=""
            )
        case Progress(stage="drawing", step=step, num_steps=steps) if steps:
            words = t("variations.drawing_step", step=step, steps=steps)
            return now.changed(index, words=words)
        case Preview(frame_HW3=frame_HW3):
            return now.changed(index, preview=_data_address(frame_HW3))
        case Drawn(seconds=seconds) as done:
            words = t("variations.done", seconds=f"{seconds:.1f}")
            return now.changed(index, state="done", words=words, drawn=done, preview="")
        case Verdict() as verdict:
            return now.changed(index, verdict=verdict, words=score_words(verdict))
        case _:
            return now


def score_words(verdict: Verdict) -> str:
    """What was measured of one variation, and no more than that."""
    if not verdict.is_judged:
        return t("variations.unjudged")
    figures: dict[str, Any] = {"seen": verdict.num_seen, "parts": verdict.num_parts}
    if verdict.order is None:
        return t("variations.no_order", **figures)
    if verdict.order == 1:
        return t("variations.in_order", **figures)
    return t("variations.partly", percent=int(100 * verdict.order), **figures)


def grid_value(now: Sheets) -> dict[str, Any]:
    """What the grid's script shows; every word as text."""
    best = best_of([sheet.verdict for sheet in now.sheets])
    return {
        "sheets": [
            _shown(index, sheet, is_best=index == best) for index, sheet in enumerate(now.sheets)
        ]
    }


def _shown(index: int, sheet: Sheet, *, is_best: bool) -> dict[str, Any]:
    done = sheet.drawn
    return {
        "index": index,
        "state": sheet.state,
        "seed": sheet.label or t("variations.seed", seed=sheet.seed),
        "words": sheet.words,
        "alt": sheet.label or t("variations.picture", number=index + 1, seed=sheet.seed),
        "picture": sheet.preview if done is None else _address(done.files["png"]),
        "video": "" if done is None else _address(done.files["mp4"]),
        "name": "" if done is None else done.files["mp4"].name,
        "best": is_best,
    }


def _address(path: Path) -> str:
    try:
        return file_url(path, path.stat().st_mtime_ns)
    except OSError:  # deleted meanwhile
        return ""


def _data_address(frame_HW3: NDArray[np.uint8]) -> str:
    buffer = BytesIO()
    Image.fromarray(frame_HW3).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


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


def ended_early(now: Sheets, error: AppError) -> Sheets:
    """What is finished stays; the rest says that it was not drawn."""
    for index, sheet in enumerate(now.sheets):
        if sheet.drawn is None:
            words = t("variations.not_drawn")
            now = now.changed(index, state="not_drawn", words=words, preview="")
    if isinstance(error, Cancelled):
        status = status_line(t("variations.stopped", count=now.num_done))
    elif now.num_done:
        status = error_line(error) + status_line(t("variations.failed", count=now.num_done))
    else:
        status = error_line(error)
    return replace(now, status=status, busy=False)


def folder_of(shown: Any, event: gr.EventData) -> tuple[int, Path]:
    """Index and folder of the finished sheet that an event names.

    Raises:
        InvalidRequest: there is no such sheet.
    """
    index = event._data.get("index") if isinstance(event._data, dict) else None
    if isinstance(shown, Sheets) and type(index) is int and 0 <= index < len(shown.sheets):
        done = shown.sheets[index].drawn
        if done is not None:
            return index, done.folder
    raise InvalidRequest(t("variations.gone"), hint=t("variations.gone_hint"))
