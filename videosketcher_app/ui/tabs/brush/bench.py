"""The bench's wires: from a shelf, a pad, a picture or a drawing to the chosen brush and its card."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.services.brushes.choice import BrushChoice
from videosketcher_app.services.brushes.desk import DEFAULT_BRUSH, Person
from videosketcher_app.services.brushes.drawings import own_drawing, recent_drawings
from videosketcher_app.services.saved import SavedDrawing
from videosketcher_app.ui.components.brush_card import (
    card_values,
    shown_values,
    understanding_of,
)
from videosketcher_app.ui.components.brush_pad import BrushPad
from videosketcher_app.ui.components.brush_picture import sent_file
from videosketcher_app.ui.components.brush_shelf import BrushShelf
from videosketcher_app.ui.components.brush_strokes import BrushStrokes
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line
from videosketcher_app.ui.tabs.brush.page import BrushPage, person_of
from videosketcher_app.ui.tabs.text.drawing import destination
from videosketcher_app.ui.tabs.text.layout import note_html
from videosketcher_app.ui.texts import t

QUIET: dict[str, Any] = {"show_progress": "hidden", "concurrency_limit": None}
# What is pressed on the shelf is answered in the order of the presses: the last one counts.
IN_ORDER: dict[str, Any] = {
    "show_progress": "hidden",
    "concurrency_limit": 1,
    "concurrency_id": "brush-shelf",
}
NUM_DRAWINGS = 12


def connect_bench(context: PageContext, page: BrushPage) -> None:
    """Connects what this role may do."""
    _connect_shelf(context, page)
    _connect_pad(context, page)
    _connect_picture(context, page)
    _connect_strokes(context, page)
    _connect_card(context, page)
    _connect_keep(context, page)


def chosen(page: BrushPage, choose: Callable[[], BrushChoice]) -> list[Any]:
    """The card's new values, which tell by themselves; or a sentence, and the brush of before."""
    try:
        return ["", *card_values(choose())]
    except AppError as error:
        return [error_line(error), *[gr.skip()] * len(page.card.outputs)]


def _connect_shelf(context: PageContext, page: BrushPage) -> None:
    desk = context.services.brushes
    card = page.card.outputs

    @handler(Capability.GENERATE)
    def on_seen(choice: BrushChoice | None, model: str, request: gr.Request) -> list[Any]:
        person = person_of(context, request)
        first = choice or desk.pick(DEFAULT_BRUSH, person)
        shelf = BrushShelf.value_of(desk.shelf(person), [first.name])
        values = [gr.skip()] * len(card) if choice else card_values(first)
        return [shelf, painter_note(model), *values]

    @handler(Capability.GENERATE)
    def on_pick(event: gr.EventData, request: gr.Request) -> list[Any]:
        return chosen(
            page,
            lambda: desk.pick(BrushShelf.name_of(event._data), person_of(context, request)),
        )

    @handler(Capability.GENERATE)
    def on_star(event: gr.EventData, request: gr.Request) -> str:
        try:
            name = BrushShelf.name_of(event._data)
            is_on = event._data.get("on") is True
            desk.star(name, person_of(context, request), on=is_on)
        except AppError as error:
            return error_line(error)
        return ""

    @handler(Capability.UPLOAD_MEDIA)
    def on_remove(
        choice: BrushChoice | None, event: gr.EventData, request: gr.Request
    ) -> list[Any]:
        person = person_of(context, request)
        try:
            name = BrushShelf.name_of(event._data)
            title = next((b.title for b in desk.shelf(person) if b.name == name), name)
            desk.delete(name, person)
            words = status_line(t("brush.removed", title=title))
        except AppError as error:
            words = error_line(error)
        names = [choice.name] if choice else []
        return [words, BrushShelf.value_of(desk.shelf(person), names)]

    @handler(Capability.GENERATE)
    def on_model(model: str) -> str:
        return painter_note(model)

    role, choice = context.role, page.card.choice
    connect(
        role,
        page.shelf.seen,
        on_seen,
        inputs=[choice, page.model],
        outputs=[page.shelf, page.by_hand, *card],
        **IN_ORDER,
    )
    connect(role, page.shelf.pick, on_pick, outputs=[page.told, *card], **IN_ORDER)
    connect(role, page.shelf.star, on_star, outputs=page.told, **IN_ORDER)
    connect(
        role,
        page.shelf.remove,
        on_remove,
        inputs=choice,
        outputs=[page.told, page.shelf],
        **IN_ORDER,
    )
    connect(role, page.model.change, on_model, inputs=page.model, outputs=page.by_hand, **QUIET)


def painter_note(model: str) -> str:
    """The line below the card."""
    try:
        return note_html(who_paints(model))
    except AppError as error:
        return error_line(error)


def who_paints(model: str) -> str:
    """Whether a model reads the brush, and whether its strokes are painted again."""
    from videosketcher_app.models.catalogue import (
        brush_model_of,
        is_image_conditioned,
        model_row,
    )

    painter = brush_model_of(model)
    if not is_image_conditioned(painter):
        return t("brush.by_hand", model=painter)
    is_large = model_row(painter).family == "wan"
    return t("brush.by_model" if is_large else "brush.by_both", model=painter)


def _connect_pad(context: PageContext, page: BrushPage) -> None:
    desk = context.services.brushes
    outputs = [page.told, *page.card.outputs]

    @handler(Capability.UPLOAD_MEDIA)
    def on_painted(event: gr.EventData, request: gr.Request) -> list[Any]:
        def understood() -> BrushChoice:
            data = event._data if isinstance(event._data, dict) else {}
            path = sent_file(data.get("path"), page.pad.GRADIO_CACHE)
            person = person_of(context, request)
            return desk.understand(path, person, title=t("brush.title_painted"), origin="painted")

        return chosen(page, understood)

    @handler(Capability.UPLOAD_MEDIA)
    def on_use(value: Any, request: gr.Request) -> list[Any]:
        return chosen(
            page,
            lambda: desk.understand(
                painted_pixels(value),
                person_of(context, request),
                title=t("brush.title_painted"),
                origin="painted",
            ),
        )

    if isinstance(page.pad, BrushPad):
        connect(context.role, page.pad.painted, on_painted, outputs=outputs, **IN_ORDER)
    elif page.use_pad is not None:
        connect(context.role, page.use_pad.click, on_use, inputs=page.pad, outputs=outputs, **QUIET)


def painted_pixels(value: Any) -> NDArray[np.uint8]:
    """What is on the sketch pad, (H, W, 4).

    Raises:
        InvalidRequest: nothing is.
    """
    picture = value.get("composite") if isinstance(value, dict) else None
    if not isinstance(picture, np.ndarray) or picture.ndim != 3 or not picture[..., -1].any():
        raise InvalidRequest(t("brush.pad_blank"))
    return np.ascontiguousarray(picture, np.uint8)


def _connect_picture(context: PageContext, page: BrushPage) -> None:
    @handler(Capability.UPLOAD_MEDIA)
    def on_picture(path: str | None, request: gr.Request) -> list[Any]:
        if path is None:  # taken away again: the brush stays
            return [gr.skip()] * (1 + len(page.card.outputs))
        return chosen(
            page,
            lambda: context.services.brushes.understand(
                sent_file(path, page.picture.GRADIO_CACHE),
                person_of(context, request),
                title=t("brush.title_picture"),
                origin="picture",
            ),
        )

    connect(
        context.role,
        page.picture.input,
        on_picture,
        inputs=page.picture,
        outputs=[page.told, *page.card.outputs],
        **QUIET,
    )


def _connect_strokes(context: PageContext, page: BrushPage) -> None:
    @handler(Capability.READ_OWN_OUTPUTS)
    def on_seen(request: gr.Request) -> str:
        drawings = _drawings(context, person_of(context, request))
        return BrushStrokes.html_of(drawings, None)

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_open(event: gr.EventData, request: gr.Request) -> list[Any]:
        try:
            drawings = _drawings(context, person_of(context, request))
            name = BrushStrokes.id_of(event._data)
            opened = next((saved for saved in drawings if saved.folder.name == name), None)
            return ["", BrushStrokes.html_of(drawings, opened)]
        except AppError as error:
            return [error_line(error), gr.skip()]

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_stroke(event: gr.EventData, request: gr.Request) -> list[Any]:
        def taken() -> BrushChoice:
            name, index = BrushStrokes.stroke_of(event._data)
            person = person_of(context, request)
            saved = own_drawing(_root(context, person), name)
            concept = saved.planned.plan.concept
            title = t("brush.title_stroke", number=index + 1, concept=concept)
            return context.services.brushes.eyedrop(saved, index, person, title=title)

        return chosen(page, taken)

    outputs = [page.told, *page.card.outputs]
    connect(context.role, page.strokes.seen, on_seen, outputs=page.strokes, **QUIET)
    connect(context.role, page.strokes.open, on_open, outputs=[page.told, page.strokes], **IN_ORDER)
    connect(context.role, page.strokes.stroke, on_stroke, outputs=outputs, **IN_ORDER)


def _root(context: PageContext, person: Person) -> Any:
    """Where a person's drawings lie."""
    return destination(context.services, person.role, person.session).folder


def _drawings(context: PageContext, person: Person) -> list[SavedDrawing]:
    try:
        return recent_drawings(_root(context, person), NUM_DRAWINGS)
    except AppError:  # a guest without room still has a page
        return []


def _connect_card(context: PageContext, page: BrushPage) -> None:
    card = page.card

    @handler(Capability.GENERATE)
    def on_correct(choice: BrushChoice | None, *values: Any) -> list[Any]:
        try:
            if choice is None:
                raise nothing_chosen()
            return ["", *shown_values(choice.corrected(understanding_of(*values)))]
        except AppError as error:
            return [error_line(error), *[gr.skip()] * len(card.shown)]

    @handler(Capability.GENERATE)
    def on_reset(choice: BrushChoice | None) -> list[Any]:
        def first() -> BrushChoice:
            if choice is None:
                raise nothing_chosen()
            return choice.corrected(choice.found)

        return chosen(page, first)

    # While somebody drags a slider, only its newest value counts.
    latest: dict[str, Any] = {**QUIET, "trigger_mode": "always_last"}
    for field in card.fields:
        connect(
            context.role,
            field.input,
            on_correct,
            inputs=[card.choice, *card.fields],
            outputs=[page.told, *card.shown],
            **latest,
        )
    connect(
        context.role,
        card.reset.click,
        on_reset,
        inputs=card.choice,
        outputs=[page.told, *card.outputs],
        **QUIET,
    )


def nothing_chosen() -> InvalidRequest:
    """The answer to a button that needs a brush."""
    return InvalidRequest(t("brush.nothing_chosen"), hint=t("brush.nothing_chosen_hint"))


def _connect_keep(context: PageContext, page: BrushPage) -> None:
    desk = context.services.brushes

    @handler(Capability.UPLOAD_MEDIA)
    def on_keep(choice: BrushChoice | None, title: str, request: gr.Request) -> list[Any]:
        person = person_of(context, request)
        try:
            if choice is None:
                raise nothing_chosen()
            kept = desk.save(choice, str(title or ""), person)
            own = desk.pick(kept.name, person)
        except AppError as error:
            return [error_line(error), *[gr.skip()] * (2 + len(page.card.outputs))]
        shelf = BrushShelf.value_of(desk.shelf(person), [kept.name])
        words = status_line(t("brush.kept", title=kept.title))
        return [words, shelf, "", *card_values(own)]

    wiring: dict[str, Any] = {
        "inputs": [page.card.choice, page.keep_as],
        "outputs": [page.told, page.shelf, page.keep_as, *page.card.outputs],
        **QUIET,
    }
    connect(context.role, page.keep.click, on_keep, **wiring)
    connect(context.role, page.keep_as.submit, on_keep, **wiring)
