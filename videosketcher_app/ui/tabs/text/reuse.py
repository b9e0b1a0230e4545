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
from videosketcher_app.ui.tabs.text.lora_slots import NUM_SLOTS, slot_values
from videosketcher_app.ui.tabs.text.page import Draft, Result, TextPage
from videosketcher_app.ui.tabs.text.planning import editor_value
from videosketcher_app.ui.tabs.text.values import model_choices, settings_values
from videosketcher_app.ui.texts import t


def reuse_outputs(page: TextPage) -> list[Any]:
    """What settings are written to, in the order of `reuse_updates`."""
    slots = page.loras.inputs if page.loras is not None else []
    words = [page.concept, page.as_written, page.seed, page.lock]
    return [*words, *page.settings_fields, *slots, page.plan, page.draft]


def reuse_updates(
    context: PageContext, page: TextPage, request: SketchRequest, planned: PlannedDrawing | None
) -> list[Any]:
    """The fields as they were for a drawing; its seed is kept for the next one."""
    model, *others = settings_values(request)
    known = model in model_choices(context.model)
    draft = None
    if planned is not None and not request.as_written:
        draft = Draft(prompt=request.prompt, planned=planned)
    return [
        request.prompt,
        request.as_written,
        request.seed,
        True,
        model if known else context.model,
        *others,
        *(slot_values(request) if page.loras is not None else ()),
        gr.skip() if draft is None else editor_value(draft.planned),
        draft,
    ]


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
    return [_told(words, page, request), *reuse_updates(context, page, request, planned)]


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
        _told(t("text.again_done"), page, saved.request),
        *reuse_updates(context, page, saved.request, saved.planned),
    ]


def nothing_there() -> InvalidRequest:
    """The answer to a button that needs a drawing."""
    return InvalidRequest(t("text.no_drawing"), hint=t("text.no_drawing_hint"))


def _told(words: str, page: TextPage, request: SketchRequest) -> str:
    left_out = request.loras if page.loras is None else request.loras[NUM_SLOTS:]
    return status_line(f"{words} {t('text.lora_left_out')}" if left_out else words)
