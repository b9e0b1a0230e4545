"""What the Gallery tab shows and does: a look in, the next look and the page's updates out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from videosketcher_app.core.errors import AppError
from videosketcher_app.services.container import Services
from videosketcher_app.services.exports import FOLDER as EXPORTS
from videosketcher_app.services.generation import Destination
from videosketcher_app.services.job import Job
from videosketcher_app.services.outputs import Stopped
from videosketcher_app.services.saved import PartSpan, SavedDrawing, open_saved
from videosketcher_app.services.unfinished import KeptDrawing
from videosketcher_app.storage.history import DrawingRow
from videosketcher_app.storage.paths import safe_join
from videosketcher_app.ui.components.gallery_detail import compare_html, detail_html
from videosketcher_app.ui.components.gallery_grid import (
    PAGE_SIZE,
    GridPage,
    Tile,
    bin_html,
    concept_of,
    count_words,
    file_url,
    grid_html,
    safe,
    strip_html,
)
from videosketcher_app.ui.components.kept_drawings import kept_html
from videosketcher_app.ui.present import View, present, present_error, status_line
from videosketcher_app.ui.texts import t

HEIGHTS_PX = (720, 1080, 2160)


@dataclass(frozen=True, kw_only=True)
class Look:
    """How one browser tab looks at the gallery.

    Attributes:
        page: number of the page, from 0.
        chosen: id of the open drawing.
        first: id of the drawing that the chosen one is compared with.
        comparing: the next drawing that is picked is compared with the chosen one.
        checked: ids that are chosen for export.
        deleted: id of the drawing that "Undo" brings back.
        sure: the bin's button was pressed once.
        sent: marks of what the page shows, by component.
    """

    search: str = ""
    favorites: bool = False
    page: int = 0
    chosen: str = ""
    first: str = ""
    comparing: bool = False
    checked: tuple[str, ...] = ()
    deleted: str = ""
    sure: bool = False
    sent: Mapping[str, int] = field(default_factory=dict)


Changed = tuple[Look, str]


class GalleryPage:
    """The tab's logic for one page; holds no state of a browser tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.history = services.history

    def looked_again(self, look: Look) -> Changed:
        """The tab came into view: whatever happened on the disk meanwhile is shown."""
        self.history.recover()
        return look, ""

    def searched(self, look: Look, search: str, favorites: bool) -> Changed:
        """Other words to look for, or only drawings with a star."""
        return replace(look, search=search, favorites=favorites, page=0), ""

    def turned(self, look: Look, by: int) -> Changed:
        """Some pages on or back."""
        return replace(look, page=max(0, look.page + by)), ""

    def closed(self, look: Look) -> Changed:
        """Closes the open drawing."""
        return _closed(look), ""

    def picked(self, look: Look, drawing_id: str) -> Changed:
        """Opens a drawing, or compares it with the open one."""
        row = self.history.drawing(drawing_id)
        if not look.comparing:
            return replace(look, chosen=row.id, first=""), ""
        if row.id == look.chosen:
            return look, status_line(t("gallery.compare_same"))
        return replace(look, first=look.chosen, chosen=row.id, comparing=False), ""

    def checked(self, look: Look, drawing_id: str, on: bool) -> Changed:
        """Adds a drawing to the export, or takes it out."""
        others = tuple(key for key in look.checked if key != drawing_id)
        if not on:
            return replace(look, checked=others), ""
        return replace(look, checked=(*others, self.history.drawing(drawing_id).id)), ""

    def starred(self, look: Look) -> Changed:
        """Gives the open drawing a star, or takes it."""
        row = self.history.drawing(look.chosen)
        self.history.set_favorite(row.id, not row.favorite)
        return look, ""

    def comparing(self, look: Look) -> Changed:
        """Starts to compare, or stops."""
        if look.first or look.comparing:
            return replace(look, first="", comparing=False), ""
        return replace(look, comparing=True), status_line(t("gallery.compare_pick"))

    def rendered_larger(self, look: Look, height_px: int) -> Iterator[str]:
        """Renders the open drawing's video anew from its strokes; yields words on it."""
        yield status_line(t("gallery.larger_busy"))
        folder = self.history.folder_of(self.history.drawing(look.chosen))
        self._services.exports.export(folder, "mp4", height_px=int(height_px))
        yield status_line(t("gallery.larger_done"))

    def deleted(self, look: Look) -> Changed:
        """Moves the open drawing to the bin."""
        row = self.history.drawing(look.chosen)
        self.history.delete(row.id)
        rest = tuple(key for key in look.checked if key != row.id)
        words = status_line(t("gallery.deleted", concept=row.concept))
        return replace(_closed(look), checked=rest, deleted=row.id), words

    def restored(self, look: Look, drawing_id: str) -> Changed:
        """Brings a drawing back from the bin."""
        row = self.history.restore(drawing_id)
        return replace(look, deleted=""), status_line(t("gallery.restored", concept=row.concept))

    def cleared(self, look: Look) -> Changed:
        """Empties the bin at the second press."""
        if not look.sure:
            return replace(look, sure=True), ""
        count = self.history.empty_bin()
        words = status_line(t("gallery.bin_cleared", count=count))
        return replace(look, sure=False, deleted=""), words

    def exported(self, look: Look) -> Changed:
        """Copies the chosen drawings into a folder of their own."""
        folder = self.history.export(look.checked)
        words = t("gallery.exported", count=len(look.checked), folder=folder)
        return replace(look, checked=()), status_line(words)

    def dismissed(self, look: Look, job_id: str) -> Changed:
        """Waves an interrupted sketch away."""
        self.history.dismiss(job_id)
        return look, ""

    def drawn_again(self, job_ids: Sequence[str], *, session: str) -> Iterator[str]:
        """Queues interrupted sketches, follows them, and yields words on how they fare.

        The sketches go on when nobody listens any more.
        """
        known = {job.id: concept_of(job) for job in self.history.interrupted()}
        generation = self._services.generation
        wanted = [job_id for job_id in job_ids if job_id in known]
        queued = [(known[key], generation.rerun(key, session=session)) for key in wanted]
        for concept, job in queued:
            yield from self._followed(concept, job)

    def drawn_whole(self, look: Look, *, session: str) -> Iterator[str]:
        """Draws the open sketch, which was stopped, to its end; yields words on how it fares.

        The whole sketch is a drawing of its own; the stopped one stays.
        """
        saved = self.history.open(look.chosen)
        job = self._services.generation.submit(
            saved.request,
            planned=saved.planned,
            destination=Destination(folder=self._services.settings.output_dir),
            session=session,
        )
        yield from self._followed(saved.planned.plan.concept, job)

    def _followed(self, concept: str, job: Job) -> Iterator[str]:
        yield status_line(t("gallery.drawing_again", concept=concept))
        view = View()
        for event in self._services.generation.follow(job):
            shown, view = view, present(event, view)
            if view.status != shown.status:
                yield view.status
        yield status_line(t("gallery.drawn_again", concept=concept))

    def saved_again(self, key: str) -> Iterator[str]:
        """Saves what could not be saved, and yields words on it."""
        yield status_line(t("gallery.saving_again"))
        saved = self._services.unfinished.retry(key, within=self._services.settings.output_dir)
        yield status_line(t("gallery.saved_again", concept=saved.plan.concept))

    def forgotten(self, look: Look, key: str) -> Changed:
        """Throws away what could not be saved."""
        self._services.unfinished.forget(key, within=self._services.settings.output_dir)
        return look, ""

    def _kept(self) -> Sequence[KeptDrawing]:
        return self._services.unfinished.all(within=self._services.settings.output_dir)

    def shown(self, look: Look, *, status: Any = "") -> list[Any]:
        """The components' new values, in the order of `GalleryComponents.outputs`.

        What the browser tab shows already is not sent again, so that focus and videos stay.

        Raises:
            CannotWrite: the history cannot be read.
        """
        look, grid = self._grid(look)
        row = self._open_row(look)
        look = look if row is not None else _closed(look)
        interrupted, deleted = self.history.interrupted(), self.history.in_bin()
        values = {
            "strip": kept_html(self._kept()) + strip_html(interrupted),
            "grid": grid_html(replace(grid, checked=look.checked)),
            "count": f'<p class="vs-note">{safe(count_words(grid))}</p>',
            "newer": gr.update(interactive=look.page > 0, visible=grid.total > PAGE_SIZE),
            "older": gr.update(
                interactive=grid.first - 1 + PAGE_SIZE < grid.total, visible=grid.total > PAGE_SIZE
            ),
            "compared": self._compared(look, row),
            "panel": gr.update(visible=row is not None),
            "detail": "" if row is None else self._detail(look, row),
            "star": t("gallery.unstar" if row is not None and row.favorite else "gallery.star"),
            "compare": t("gallery.compare_stop" if _compares(look) else "gallery.compare"),
            "whole": gr.update(visible=row is not None and self._stopped(row) is not None),
            "export": _export_button(look),
            "bin": bin_html(deleted),
            "clear": _clear_button(look, len(deleted)),
            "undo": gr.update(visible=any(row.id == look.deleted for row in deleted)),
        }
        marks = {name: hash(repr(value)) for name, value in values.items()}
        # The browser ticks its boxes by itself: that alone is no reason to send the grid again.
        marks["grid"] = hash(grid_html(grid))
        news = [
            gr.skip() if look.sent.get(name) == marks[name] else value
            for name, value in values.items()
        ]
        return [replace(look, sent=marks), *news, status]

    def _grid(self, look: Look) -> tuple[Look, GridPage]:
        """The look on a page that exists, and the page."""
        total = self.history.count(search=look.search, favorites=look.favorites)
        last_page = max(0, total - 1) // PAGE_SIZE
        look = replace(look, page=min(look.page, last_page))
        rows = self.history.drawings(
            search=look.search,
            favorites=look.favorites,
            limit=PAGE_SIZE,
            offset=look.page * PAGE_SIZE,
        )
        tiles = [
            Tile(row=row, picture=self._picture(row), stopped=self._stopped(row)) for row in rows
        ]
        is_filtered = bool(look.search.strip()) or look.favorites
        first = look.page * PAGE_SIZE + 1
        page = GridPage(
            tiles=tiles, first=first, total=total, is_filtered=is_filtered, chosen=look.chosen
        )
        return look, page

    def _picture(self, row: DrawingRow) -> str:
        folder = self.history.folder_of(row)
        return file_url(safe_join(folder, row.thumbnail), row.sequence)

    def _stopped(self, row: DrawingRow) -> Stopped | None:
        return _stopped(self.history.folder_of(row), row.sequence)

    def _open_row(self, look: Look) -> DrawingRow | None:
        if not look.chosen:
            return None
        try:
            return self.history.drawing(look.chosen)
        except AppError:  # deleted in another browser tab
            return None

    def _compared(self, look: Look, row: DrawingRow | None) -> str:
        """Two drawings side by side; nothing if one of them is gone."""
        if row is None or not look.first:
            return ""
        try:
            first = self.history.drawing(look.first)
            pair = ((first, self.history.open(first.id)), (row, self.history.open(row.id)))
        except AppError as error:
            return present_error(error, View()).status
        return compare_html(pair)

    def _detail(self, look: Look, row: DrawingRow) -> str:
        """The open drawing, or why it cannot be shown."""
        try:
            saved = self.history.open(row.id)
            spans = _spans(saved.folder, row.sequence)
            return detail_html(row, saved, spans=spans, larger=_larger(saved))
        except AppError as error:
            return present_error(error, View()).status


@lru_cache(maxsize=1024)
def _stopped(folder: Path, _version: int) -> Stopped | None:
    """Where a sketch was stopped and kept; nothing if its settings cannot be read."""
    try:
        return open_saved(folder).stopped
    except AppError:
        return None


@lru_cache(maxsize=64)
def _spans(folder: Path, _version: int) -> tuple[PartSpan, ...]:
    """When the parts of a drawing are drawn; nothing if its strokes cannot be read."""
    try:
        return open_saved(folder).timeline
    except AppError:
        return ()


def _larger(saved: SavedDrawing) -> dict[int, Path]:
    """Videos that were rendered larger, by height."""
    folder = saved.folder / EXPORTS
    found = {height: sorted(folder.glob(f"*_{height}p*.mp4")) for height in HEIGHTS_PX}
    return {height: paths[0] for height, paths in found.items() if paths}


def _closed(look: Look) -> Look:
    return replace(look, chosen="", first="", comparing=False)


def _compares(look: Look) -> bool:
    return bool(look.first) or look.comparing


def _export_button(look: Look) -> dict[str, Any]:
    count = len(look.checked)
    label = t("gallery.export_count", count=count) if count else t("gallery.export")
    return gr.update(value=label, interactive=count > 0)


def _clear_button(look: Look, count: int) -> dict[str, Any]:
    label = t("gallery.bin_sure", count=count) if look.sure else t("gallery.bin_clear")
    return gr.update(value=label, visible=count > 0, variant="stop" if look.sure else "secondary")
