"""Bringing a file in that is on this machine already: what it is, and then into the app's folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from videosketcher_app.core.access import Capability
from videosketcher_app.core.cancel import CancelToken
from videosketcher_app.core.errors import AppError, InvalidRequest
from videosketcher_app.ui.components.gallery_grid import safe
from videosketcher_app.ui.components.status_bar import gb
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line
from videosketcher_app.ui.tabs.models.desk import ModelDesk
from videosketcher_app.ui.tabs.models.errands import DONE, RUNNING, Errand, Told
from videosketcher_app.ui.tabs.text.layout import note_html
from videosketcher_app.ui.texts import t

if TYPE_CHECKING:
    from videosketcher_app.models.identify import Identity

BRING = "bring a file in"  # the errand
MAX_PATH = 4096
MAX_NAME = 100
UPLOAD_PX = 130
SUFFIXES = [".safetensors", ".pth", ".pt", ".ckpt", ".bin"]
# A question waits for the answer before it.
IN_ORDER: dict[str, Any] = {
    "show_progress": "hidden",
    "concurrency_limit": 1,
    "concurrency_id": "models-bring",
}


@dataclass(frozen=True, kw_only=True)
class BringParts:
    """What asks for a file.

    Attributes:
        path: of a file or folder on this machine.
        upload: for small files that are on the machine of the browser.
        name: which model it is, or what it shall be called; empty to find out.
        link: leaves the file where it is.
    """

    path: gr.Textbox
    upload: gr.File
    name: gr.Textbox
    link: gr.Checkbox
    what: gr.Button
    add: gr.Button
    told: gr.HTML


def lay_out_bring() -> BringParts:
    """Folded, because most people download."""
    with gr.Accordion(t("models_bring.title"), open=False, elem_id="model-bring"):
        gr.HTML(note_html(t("models_bring.intro")), padding=False)
        path = gr.Textbox(
            label=t("models_bring.path"),
            placeholder=t("models_bring.path_hint"),
            max_length=MAX_PATH,
            elem_id="model-path",
        )
        upload = gr.File(
            label=t("models_bring.upload"),
            file_types=SUFFIXES,
            height=UPLOAD_PX,
            elem_id="model-upload",
        )
        name = gr.Textbox(
            label=t("models_bring.name"),
            placeholder=t("models_bring.name_hint"),
            max_length=MAX_NAME,
            elem_id="model-name",
        )
        link = gr.Checkbox(label=t("models_bring.link"), elem_id="model-link")
        with gr.Row(elem_classes="vs-buttons"):
            what = gr.Button(t("models_bring.what"), elem_id="model-what")
            add = gr.Button(t("models_bring.add"), variant="primary", elem_id="model-add")
        told = gr.HTML(elem_id="model-told", apply_default_css=False)
    return BringParts(path=path, upload=upload, name=name, link=link, what=what, add=add, told=told)


def connect_bring(context: PageContext, parts: BringParts, desk: ModelDesk) -> None:
    """Connects what this role may do."""

    @handler(Capability.IMPORT_FILES)
    def on_what(path: str, upload: str | None) -> Iterator[str]:
        yield status_line(t("models_bring.looking"))
        yield told_what(desk, path, upload)

    @handler(Capability.IMPORT_FILES)
    def on_add(path: str, upload: str | None, name: str, link: bool) -> Iterator[str]:
        try:
            source = chosen(path, upload)
        except AppError as error:
            yield error_line(error)
            return
        yield from brought(desk, source, name.strip(), link=link and bool(path.strip()))

    asked = [parts.path, parts.upload]
    for moment in (parts.what.click, parts.path.submit, parts.upload.upload):
        connect(context.role, moment, on_what, inputs=asked, outputs=parts.told, **IN_ORDER)
    wiring = {"inputs": [*asked, parts.name, parts.link], "outputs": parts.told, **IN_ORDER}
    connect(context.role, parts.add.click, on_add, **wiring)


def told_what(desk: ModelDesk, path: str, upload: str | None) -> str:
    """What a file is, by its names and shapes, as HTML; ends with a sentence whatever it is."""
    try:
        found = desk.services.model_store.identify(chosen(path, upload))
    except AppError as error:
        return error_line(error)
    return identity_html(found)


def identity_html(found: Identity) -> str:
    """What a file is, how large, which model, and what is wrong with it."""
    words = t("models_bring.is", label=found.label, size=gb(found.num_bytes))
    if found.model_name is not None:
        words += " " + t("models_bring.is_row", name=found.model_name)
    elif len(found.candidates) > 1:
        words += " " + t("models_bring.is_one_of", names=", ".join(found.candidates))
    problems = "".join(f"<li>{safe(problem)}</li>" for problem in found.problems)
    listed = f'<ul class="vs-brought">{problems}</ul>' if problems else ""
    return status_line(words) + listed


def brought(desk: ModelDesk, source: Path, name: str, *, link: bool) -> Iterator[str]:
    """Status until the file is among the models; never ends with an exception.

    Args:
        name: which model it is, or what it shall be called; empty to find out.
        link: leaves the file where it is.
    """

    def work(told: Told, cancel: CancelToken) -> str:
        def on_progress(done: int, total: int) -> None:
            told(t("models_bring.adding"), done, total)

        taken = desk.services.model_store.import_file(
            source, name=name or None, link=link, on_progress=on_progress, cancel=cancel
        )
        desk.changed()
        return t("models_bring.added", name=taken)

    try:
        desk.errands.start(BRING, t("models_bring.adding"), work)
    except AppError as error:
        yield error_line(error)
        return
    for errand in desk.errands.follow(BRING):
        yield errand_html(errand)


def errand_html(errand: Errand) -> str:
    """How far it is, or what came of it."""
    if errand.state not in (RUNNING, DONE):
        return f'<p class="vs-status vs-error" role="alert">{safe(errand.words)}</p>'
    is_counted = errand.is_running and errand.total
    bar = f'<progress value="{errand.done}" max="{errand.total}"></progress>' if is_counted else ""
    return status_line(errand.words) + bar


def chosen(path: str | None, upload: str | None) -> Path:
    """The file or folder that is meant: what was typed, else what was dropped.

    Raises:
        InvalidRequest: neither.
    """
    words = (path or "").strip().strip('"')
    if not words and not upload:
        raise InvalidRequest(t("models_bring.none"), hint=t("models_bring.none_hint"))
    if "\0" in words or len(words) > MAX_PATH:
        raise InvalidRequest(t("models_bring.no_path"), hint=t("models_bring.none_hint"))
    return Path(words).expanduser() if words else Path(str(upload))
