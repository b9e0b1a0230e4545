"""Settings that come back: from a file that was dropped, from the gallery, from the drawing shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from videosketcher_app.core.errors import InvalidFile, InvalidRequest
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.provenance import read_provenance
from videosketcher_app.services.saved import open_saved
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.present import status_line
from videosketcher_app.ui.tabs.text import film_field, model_fields
from videosketcher_app.ui.tabs.text.lora_slots import NUM_SLOTS, slot_values
from videosketcher_app.ui.tabs.text.page import Draft, Result, TextPage
from videosketcher_app.ui.tabs.text.planning import editor_value
from videosketcher_app.ui.tabs.text.values import model_choices, settings_values
from videosketcher_app.ui.texts import t


def reuse_outputs(page: TextPage) -> list[Any]:
    """What settings are written to, in the order of `reuse_updates`."""
    slots = page.loras.inputs if page.loras is not None else []
    words = [page.concept, page.as_written, page.seed, page.lock]
    film = page.film_field.outputs if page.film_field is not None else []
    fields = [*page.settings_fields, *page.model_fields.inputs]
    return [*words, *fields, *slots, *film, page.plan, page.draft]


def reuse_updates(
    context: PageContext, page: TextPage, request: SketchRequest, planned: PlannedDrawing | None
) -> list[Any]:
    """The fields as they were for a drawing; its seed is kept for the next one."""
    model, (_, *others) = _chosen(context, page, request), settings_values(request)
    draft = None
    if planned is not None and not request.as_written:
        draft = Draft(prompt=request.prompt, planned=planned)
    return [
        request.prompt,
        request.as_written,
        request.seed,
        True,
        model,
        *others,
        *model_fields.field_values(request, model),
        *(slot_values(request) if page.loras is not None else ()),
        *(film_field.reused(request, model) if page.film_field is not None else ()),
        gr.skip() if draft is None else editor_value(draft.planned),
        draft,
    ]


def from_request(
    context: PageContext, page: TextPage, request: SketchRequest, planned: PlannedDrawing | None
) -> list[Any]:
    """Status and fields for a drawing that another tab shows."""
    words = _told(t("text.again_done"), context, page, request)
    return [words, *reuse_updates(context, page, request, planned)]


def from_file(context: PageContext, page: TextPage, path: Path, name: str) -> list[Any]:
    """Status and fields for a file that was dropped; no pixel of it is decoded.

    Args:
        name: of the file on the person's disk, for the sentence.

    Raises:
        InvalidFile: it is damaged, or of another kind.
    """
    try:
        request, planned = read_provenance(path)
    except InvalidFile as error:
        raise InvalidFile(t("exports.dropped_nothing", name=name), hint=error.hint) from error
    words = t("exports.dropped", name=name)
    told = _told(words, context, page, request)
    return [told, *reuse_updates(context, page, request, planned)]


def from_result(context: PageContext, page: TextPage, result: Result | None) -> list[Any]:
    """Status and fields for the drawing that is shown.

    Raises:
        InvalidRequest: none is shown.
        InvalidFile: its folder is damaged.
    """
    if result is None:
        raise nothing_there()
    saved = open_saved(result.folder)
    return [
        _told(t("text.again_done"), context, page, saved.request),
        *reuse_updates(context, page, saved.request, saved.planned),
    ]


def nothing_there() -> InvalidRequest:
    """The answer to a button that needs a drawing."""
    return InvalidRequest(t("text.no_drawing"), hint=t("text.no_drawing_hint"))


def _chosen(context: PageContext, page: TextPage, request: SketchRequest) -> str:
    """The model of a request, or the page's first one where it cannot be chosen."""
    has_brush = "brush" not in page.WITHOUT_PLACE
    is_here = request.model in model_choices(context.model, with_brush=has_brush)
    return request.model if is_here else context.model


def _told(words: str, context: PageContext, page: TextPage, request: SketchRequest) -> str:
    """What came back, and what did not because this page has no place for it."""
    loras = request.loras if page.loras is None else request.loras[NUM_SLOTS:]
    names = left_out(page, request, _chosen(context, page, request))
    sentences = [
        words,
        t("text.lora_left_out") if loras else "",
        t("text.left_out", names=", ".join(names)) if names else "",
    ]
    return status_line(" ".join(filter(None, sentences)))


def left_out(page: TextPage, request: SketchRequest, model: str) -> list[str]:
    """Names of the settings that a request uses and the page has no place for.

    Args:
        model: that is chosen, which need not be the request's.
    """
    fields = (*page.WITHOUT_PLACE, *(("input_video",) if page.film_field is None else ()))
    defaults = {name: SketchRequest.model_fields[name].default for name in fields}
    without_place = [name for name in fields if getattr(request, name) != defaults[name]]
    missing = [*model_fields.not_held(request, model), *without_place]
    return [t(f"text.name_{name}") for name in missing]
