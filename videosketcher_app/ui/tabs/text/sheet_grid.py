"""A grid of sheets that fill while they are drawn: what variations and brushes side by side share."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
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
from videosketcher_app.services.job import Job
from videosketcher_app.services.variations import Begun, Drawn, VariationEvent, Verdict, best_of
from videosketcher_app.ui.components.assets import html_texts, script, section, style
from videosketcher_app.ui.components.gallery_grid import file_url
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.doors import session_of
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line, waiting_line
from videosketcher_app.ui.tabs.text.drawing import Asked
from videosketcher_app.ui.tabs.text.page import Result, TextPage
from videosketcher_app.ui.tabs.text.turns import Turn, Turns
from videosketcher_app.ui.tabs.text.updates import sheet_outputs, sheet_updates
from videosketcher_app.ui.texts import t

JPEG_QUALITY = 80  # of previews that live for a step
_TEMPLATE = '<ul class="vv-grid" aria-label="{grid_label}" hidden></ul>'

SheetsOf = Callable[[Any, Asked, Turn], Iterator["Sheets"]]


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


@dataclass(frozen=True, kw_only=True)
class GridParts:
    """A grid on a page, its buttons and the line above it."""

    draw: gr.Button
    stop: gr.Button
    status: gr.HTML
    grid: VariationGrid
    state: gr.State


def connect_drawing(
    context: PageContext, page: TextPage, choice: Any, parts: GridParts, drawn: SheetsOf
) -> None:
    """Connects the buttons of a grid.

    Args:
        choice: the component whose value says what to draw.
        drawn: gives the grid after every event, for that value; ends with drawings or a sentence,
            never with an exception.
    """
    turns = Turns()

    @handler(Capability.GENERATE)
    def on_draw(
        request: gr.Request, chosen: Any, plan: Any, draft: Any, *values: Any
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
            for now in drawn(chosen, asked, turn):
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
        parts.draw.click,
        on_draw,
        inputs=[choice, *page.plan_inputs, *page.settings_inputs],
        outputs=[parts.status, parts.grid, parts.state, parts.draw, parts.stop],
        show_progress="hidden",
        concurrency_limit=None,  # the job queue is what decides who waits
    )
    connect(context.role, parts.stop.click, on_stop, queue=False)
    blocks = Context.root_block
    assert blocks is not None, "a component is built within a page"
    blocks.unload(on_stop)  # who closes the page wants no drawing any more


def connect_showing(context: PageContext, page: TextPage, parts: GridParts) -> None:
    """A finished sheet that is opened comes into the page's player."""

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_show(shown: Sheets, event: gr.EventData) -> list[Any]:
        try:
            index, folder = folder_of(shown, event)
            news = sheet_updates(Result(folder=folder, original=folder), context.services)
        except AppError as error:
            return [error_line(error), *[gr.skip()] * len(sheet_outputs(page))]
        return [status_line(t("variations.opened", number=index + 1)), *news]

    connect(
        context.role,
        parts.grid.show,
        on_show,
        inputs=parts.state,
        outputs=[parts.status, *sheet_outputs(page)],
        show_progress="hidden",
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
