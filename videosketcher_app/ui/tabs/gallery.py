"""The Gallery tab: every finished drawing, and every sketch that was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability
from videosketcher_app.core.errors import AppError
from videosketcher_app.services.saved import SavedDrawing
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.doors import session_of
from videosketcher_app.ui.handlers import connect, handler
from videosketcher_app.ui.present import View as PageView
from videosketcher_app.ui.present import present_error, status_line
from videosketcher_app.ui.tabs.gallery_layout import NUM_OUTPUTS, GalleryComponents, lay_out
from videosketcher_app.ui.tabs.gallery_view import GalleryPage, Look
from videosketcher_app.ui.texts import t

Reuse = Callable[[Any, Any], list[Any]]
Change = Callable[..., tuple[Look, str]]


def build(
    context: PageContext,
    *,
    reuse: Reuse | None = None,
    reuse_outputs: list[Any] | None = None,
    reink: Callable[[SavedDrawing], list[Any]] | None = None,
    reink_outputs: list[Any] | None = None,
) -> GalleryComponents:
    """Lays the tab out and connects what this role may do.

    Args:
        reuse: (request, planned) -> updates of `reuse_outputs`, which take a drawing's settings
            over; without it there is no such button.
        reink: (drawing) -> updates of `reink_outputs`, which take it to be painted again.
    """
    parts = lay_out(can_reuse=reuse is not None)
    page = GalleryPage(context.services)
    _connect_looks(context, parts, page)
    _connect_actions(context, parts, page)
    _connect_jobs(context, parts, page)
    if reuse is not None:
        _connect_reuse(context, parts, page, reuse, reuse_outputs or [])
    if reink is not None:
        _connect_reink(context, parts, page, reink, reink_outputs or [])
    return parts


def _connect_looks(context: PageContext, parts: GalleryComponents, page: GalleryPage) -> None:
    """What only looks: searching, turning pages, opening, choosing."""

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_seen(look: Look) -> list[Any]:
        return _answer(page, look, page.looked_again)

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_search(look: Look, search: str, favorites: bool) -> list[Any]:
        return _answer(page, look, page.searched, search, favorites)

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_newer(look: Look) -> list[Any]:
        return _answer(page, look, page.turned, -1)

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_older(look: Look) -> list[Any]:
        return _answer(page, look, page.turned, 1)

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_pick(look: Look, event: gr.EventData) -> list[Any]:
        return _answer(page, look, page.picked, _id_of(event))

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_check(look: Look, event: gr.EventData) -> list[Any]:
        return _answer(page, look, page.checked, _id_of(event), event._data.get("on") is True)

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_close(look: Look) -> list[Any]:
        return _answer(page, look, page.closed)

    searching = [parts.look, parts.search, parts.favorites]
    looks = [
        (parts.grid.seen, on_seen, [parts.look]),
        (parts.search.change, on_search, searching),
        (parts.favorites.change, on_search, searching),
        (parts.newer.click, on_newer, [parts.look]),
        (parts.older.click, on_older, [parts.look]),
        (parts.grid.pick, on_pick, [parts.look]),
        (parts.grid.check, on_check, [parts.look]),
        (parts.close.click, on_close, [parts.look]),
    ]
    _connect_all(context, parts, looks)


def _connect_actions(context: PageContext, parts: GalleryComponents, page: GalleryPage) -> None:
    """What changes a drawing or makes files."""

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_star(look: Look) -> list[Any]:
        return _answer(page, look, page.starred)

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_compare(look: Look) -> list[Any]:
        return _answer(page, look, page.comparing)

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_larger(look: Look, height: int) -> Iterator[str]:
        yield from _words(page.rendered_larger(look, height))

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_delete(look: Look) -> list[Any]:
        return _answer(page, look, page.deleted)

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_undo(look: Look) -> list[Any]:
        return _answer(page, look, page.restored, look.deleted)

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_restore(look: Look, event: gr.EventData) -> list[Any]:
        return _answer(page, look, page.restored, _id_of(event))

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_clear(look: Look) -> list[Any]:
        return _answer(page, look, page.cleared)

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_export(look: Look) -> list[Any]:
        return _answer(page, look, page.exported)

    actions = [
        (parts.star.click, on_star, [parts.look]),
        (parts.compare.click, on_compare, [parts.look]),
        (parts.delete.click, on_delete, [parts.look]),
        (parts.undo.click, on_undo, [parts.look]),
        (parts.bin.restore, on_restore, [parts.look]),
        (parts.clear.click, on_clear, [parts.look]),
        (parts.export.click, on_export, [parts.look]),
    ]
    _connect_all(context, parts, actions)
    _connect_long(context, parts, page, parts.larger.click, on_larger, [parts.look, parts.height])


def _connect_jobs(context: PageContext, parts: GalleryComponents, page: GalleryPage) -> None:
    """What can become of an interrupted sketch, and of a drawing that could not be saved."""

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_again(event: gr.EventData, session: gr.Request) -> Iterator[str]:
        asked = _id_of(event).split(",")
        yield from _words(page.drawn_again(asked, session=session_of(session)))

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_dismiss(look: Look, event: gr.EventData) -> list[Any]:
        return _answer(page, look, page.dismissed, _id_of(event))

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_save(event: gr.EventData) -> Iterator[str]:
        yield from _words(page.saved_again(_id_of(event)))

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_forget(look: Look, event: gr.EventData) -> list[Any]:
        return _answer(page, look, page.forgotten, _id_of(event))

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_whole(look: Look, session: gr.Request) -> Iterator[str]:
        yield from _words(page.drawn_whole(look, session=session_of(session)))

    wires = [(parts.strip.dismiss, on_dismiss), (parts.strip.forget, on_forget)]
    _connect_all(context, parts, [(listen, function, [parts.look]) for listen, function in wires])
    _connect_long(context, parts, page, parts.strip.again, on_again, [])
    _connect_long(context, parts, page, parts.strip.save, on_save, [])
    _connect_long(context, parts, page, parts.whole.click, on_whole, [parts.look])


def _connect_reuse(
    context: PageContext,
    parts: GalleryComponents,
    page: GalleryPage,
    reuse: Reuse,
    outputs: list[Any],
) -> None:
    @handler(Capability.READ_ALL_OUTPUTS)
    def on_reuse(look: Look) -> list[Any]:
        try:
            saved = page.history.open(look.chosen)
        except AppError as error:
            return [_told(error), *([gr.skip()] * len(outputs))]
        return [status_line(t("gallery.reused")), *reuse(saved.request, saved.planned)]

    connect(
        context.role,
        parts.reuse.click,
        on_reuse,
        inputs=[parts.look],
        outputs=[parts.status, *outputs],
        show_progress="hidden",
    )


def _connect_reink(
    context: PageContext,
    parts: GalleryComponents,
    page: GalleryPage,
    reink: Callable[[SavedDrawing], list[Any]],
    outputs: list[Any],
) -> None:
    @handler(Capability.READ_ALL_OUTPUTS)
    def on_reink(look: Look) -> list[Any]:
        try:
            return ["", *reink(page.history.open(look.chosen))]
        except AppError as error:
            return [_told(error), *([gr.skip()] * len(outputs))]

    connect(
        context.role,
        parts.reink.click,
        on_reink,
        inputs=[parts.look],
        outputs=[parts.status, *outputs],
        show_progress="hidden",
    )


def _connect_all(
    context: PageContext, parts: GalleryComponents, wires: list[tuple[Any, Any, list[Any]]]
) -> None:
    for listen, function, inputs in wires:
        connect(
            context.role,
            listen,
            function,
            inputs=inputs,
            outputs=parts.outputs,
            show_progress="hidden",
            concurrency_limit=1,  # each works on what the one before it left
            concurrency_id="gallery",
        )


def _connect_long(
    context: PageContext,
    parts: GalleryComponents,
    page: GalleryPage,
    listen: Any,
    function: Any,
    inputs: list[Any],
) -> None:
    """What takes a while tells how it fares; the page as it is then shows what came of it."""

    @handler(Capability.READ_ALL_OUTPUTS)
    def on_end(look: Look) -> list[Any]:
        return _answer(page, look, page.looked_again, keep_status=True)

    event = connect(
        context.role,
        listen,
        function,
        inputs=inputs,
        outputs=parts.status,
        show_progress="hidden",
        concurrency_limit=None,
    )
    if event is not None:
        _connect_all(context, parts, [(event.then, on_end, [parts.look])])


def _answer(
    page: GalleryPage, look: Look, change: Change, *values: Any, keep_status: bool = False
) -> list[Any]:
    """The page after a change, or with a sentence that says why it did not happen."""
    if change != page.cleared:
        look = replace(look, sure=False)
    try:
        look, words = change(look, *values)
        return page.shown(look, status=gr.skip() if keep_status else words)
    except AppError as error:
        return _shown_with(page, look, error)


def _shown_with(page: GalleryPage, look: Look, error: AppError) -> list[Any]:
    try:
        return page.shown(look, status=_told(error))
    except AppError:  # the history itself cannot be read: everything stays as it is
        return [look, *([gr.skip()] * (NUM_OUTPUTS - 2)), _told(error)]


def _words(lines: Iterator[str]) -> Iterator[str]:
    """Lines on how something fares; the last says why if it failed."""
    try:
        yield from lines
    except AppError as error:
        yield _told(error)


def _told(error: AppError) -> str:
    return present_error(error, PageView()).status


def _id_of(event: gr.EventData) -> str:
    """What was pressed; anything but a text is nothing."""
    data = event._data if isinstance(event._data, dict) else {}
    key = data.get("id")
    return key if isinstance(key, str) else ""
