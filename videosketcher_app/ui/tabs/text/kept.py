"""What could not be saved, above the Text tab: one press saves it again and shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from videosketcher_app.core.access import Capability, Role
from videosketcher_app.core.errors import AppError
from videosketcher_app.services.container import Services
from videosketcher_app.ui.components.gallery_grid import GalleryView
from videosketcher_app.ui.components.kept_drawings import kept_html
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.doors import session_of
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import error_line, status_line
from videosketcher_app.ui.tabs.text.drawing import destination
from videosketcher_app.ui.tabs.text.page import Result, TextPage
from videosketcher_app.ui.tabs.text.updates import same_sheet, sheet_outputs, sheet_updates
from videosketcher_app.ui.texts import t


def connect_kept(
    context: PageContext, page: TextPage, strip: GalleryView, ends: Sequence[Any]
) -> None:
    """Fills the strip when the page opens and after every sketch, and connects its buttons.

    Args:
        ends: events of the page that end when a sketch has ended.
    """
    services, role = context.services, context.role

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_look(request: gr.Request) -> str:
        return waiting_html(services, role, session_of(request))

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_save(event: gr.EventData, request: gr.Request) -> Iterator[list[Any]]:
        yield from saved_again(services, role, _key_of(event), session_of(request))

    @handler(Capability.READ_OWN_OUTPUTS)
    def on_forget(event: gr.EventData, request: gr.Request) -> str:
        folder = own_folder(services, role, session_of(request))
        if folder is not None:
            services.unfinished.forget(_key_of(event), within=folder)
        return waiting_html(services, role, session_of(request))

    blocks = Context.root_block
    assert blocks is not None, "a tab is built within a page"
    quiet: dict[str, Any] = {"show_progress": "hidden"}
    for moment in (blocks.load, *(end.then for end in ends)):
        connect(role, moment, on_look, outputs=strip, queue=False, **quiet)
    connect(role, strip.forget, on_forget, outputs=strip, **quiet)
    connect(role, strip.save, on_save, outputs=[page.status, strip, *sheet_outputs(page)], **quiet)


def own_folder(services: Services, role: Role, session: str) -> Path | None:
    """Where this person's drawings go; None for a guest whose visit is over."""
    if role is Role.OWNER:
        return services.settings.output_dir
    guest = services.guests.named(session)
    return None if guest is None else guest.folder


def waiting_html(services: Services, role: Role, session: str) -> str:
    """What waits of this person's drawings."""
    folder = own_folder(services, role, session)
    return "" if folder is None else kept_html(services.unfinished.all(within=folder))


def saved_again(services: Services, role: Role, key: str, session: str) -> Iterator[list[Any]]:
    """Status, strip and sheet while a kept drawing is saved, and after it."""
    sheet = same_sheet()
    yield [status_line(t("gallery.saving_again")), gr.skip(), *sheet]
    try:
        folder = destination(services, role, session).folder
        saved = services.unfinished.retry(key, within=folder)
        assert saved.folder is not None, "what is saved has a folder"
        words = status_line(t("gallery.saved_again", concept=saved.plan.concept))
        sheet = sheet_updates(Result(folder=saved.folder, original=saved.folder), services)
    except AppError as error:
        words = error_line(error)
    yield [words, waiting_html(services, role, session), *sheet]


def _key_of(event: gr.EventData) -> str:
    """What was pressed; anything but a text is nothing."""
    data = event._data if isinstance(event._data, dict) else {}
    key = data.get("id")
    return key if isinstance(key, str) else ""
