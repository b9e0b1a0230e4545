"""The gallery's HTML: a grid of thumbnails, a strip of interrupted sketches, a list of the bin.

Everything that a person typed is escaped, for HTML and for the template that Gradio makes of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from videosketcher_app.services.outputs import Stopped
from videosketcher_app.storage.history import DrawingRow, JobRow
from videosketcher_app.ui.components.assets import script, style
from videosketcher_app.ui.texts import t

PAGE_SIZE = 24
_EAGER = 8  # pictures above the fold; the others load when they come near
# Gradio's HTML is made by two template languages. Values are not run through them; what would mean
# something there is written as a number all the same, so that this never comes to matter.
_TEMPLATE_MARKS = {ord(mark): f"&#{ord(mark)};" for mark in "{}$`\\"}


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One drawing of the grid, the address of its picture, and where it was stopped if it was."""

    row: DrawingRow
    picture: str
    stopped: Stopped | None = None


@dataclass(frozen=True, kw_only=True)
class GridPage:
    """What the grid shows.

    Attributes:
        tiles: drawings of this page.
        first: number of the first one, from 1.
        total: drawings on all pages.
        is_filtered: a search or the stars leave some out.
        checked: ids that are chosen for export.
        chosen: id of the one that is open; empty if none is.
    """

    tiles: Sequence[Tile] = field(default=())
    first: int = 1
    total: int = 0
    is_filtered: bool = False
    checked: Collection[str] = frozenset()
    chosen: str = ""


class GalleryView(gr.HTML):
    """HTML whose elements with data-do="..." are buttons.

    Events: `pick`, `check` (with `on`), `again`, `dismiss`, `restore`, `save`, `forget`, each with
    the `id` of what was pressed, and `seen` whenever it comes into view.
    """

    def __init__(self, value: str = "", **options: Any) -> None:
        super().__init__(
            value=value,
            css_template=style("gallery"),
            js_on_load=script("gallery"),
            apply_default_css=False,
            **options,
        )


def safe(text: object) -> str:
    """Anybody's words as text in HTML, also within quotes."""
    return escape(str(text), quote=True).translate(_TEMPLATE_MARKS)


def file_url(path: Path, version: int) -> str:
    """The address of an output, below the page's own; another version is another address."""
    return f"gradio_api/file={quote(str(path.absolute()))}?v={version}"


def day(created: str) -> str:
    """The date of a wall-clock time, for people."""
    return created[:10]


def grid_html(page: GridPage) -> str:
    """The grid, or a sentence if it is empty."""
    if not page.tiles:
        return f'<p class="vg-empty">{safe(_nothing(page))}</p>'
    tiles = "".join(
        _tile(tile, page, is_near=index < _EAGER) for index, tile in enumerate(page.tiles)
    )
    return f'<ul class="vg-grid" aria-label="{safe(t("gallery.grid_label"))}">{tiles}</ul>'


def count_words(page: GridPage) -> str:
    """Which drawings of how many are shown."""
    if page.total <= 1:
        return t("gallery.one") if page.total else ""
    last = page.first + len(page.tiles) - 1
    return t("gallery.count", first=page.first, last=last, total=f"{page.total:,}")


def strip_html(jobs: Sequence[JobRow]) -> str:
    """Interrupted sketches with a button each; empty if there are none."""
    if not jobs:
        return ""
    many = t("gallery.interrupted_many", count=len(jobs))
    heading = t("gallery.interrupted_one") if len(jobs) == 1 else many
    items = "".join(_interrupted(job) for job in jobs)
    every = ",".join(safe(job.id) for job in jobs)
    all_again = button_html("again", every, t("gallery.again_all")) if len(jobs) > 1 else ""
    return (
        f'<section class="vg-strip" aria-label="{safe(t("gallery.strip_label"))}">'
        f"<p><strong>{safe(heading)}</strong> {safe(t('gallery.interrupted_why'))} {all_again}</p>"
        f"<ul>{items}</ul></section>"
    )


def bin_html(rows: Sequence[DrawingRow]) -> str:
    """Deleted drawings with a button each."""
    if not rows:
        return f'<p class="vg-empty">{safe(t("gallery.bin_empty"))}</p>'
    items = "".join(
        f"<li><span>{safe(row.concept)}</span> <small>{safe(day(row.created))}</small> "
        + button_html(
            "restore",
            row.id,
            t("gallery.bin_restore"),
            told=t("gallery.bin_restore_named", concept=row.concept),
        )
        + "</li>"
        for row in rows
    )
    return f'<ul class="vg-bin" aria-label="{safe(t("gallery.bin_label"))}">{items}</ul>'


def concept_of(job: JobRow) -> str:
    """What a job was to draw: its prompt, shortened."""
    prompt = str(job.request.get("prompt", ""))
    return prompt if len(prompt) <= 120 else f"{prompt[:120]}…"


def _nothing(page: GridPage) -> str:
    return t("gallery.none_found") if page.is_filtered else t("gallery.empty")


def _tile(tile: Tile, page: GridPage, *, is_near: bool) -> str:
    row = tile.row
    facts = {"concept": row.concept, "seed": row.seed, "date": day(row.created)}
    star = f'<span class="vg-star" title="{safe(t("gallery.starred"))}">★</span>'
    stopped = stopped_mark(tile.stopped)
    told = ", ".join(
        filter(None, (t("gallery.open_drawing", **facts), stopped_words(tile.stopped)))
    )
    loading = "eager" if is_near else "lazy"
    current = ' aria-current="true"' if row.id == page.chosen else ""
    checked = " checked" if row.id in page.checked else ""
    return (
        f'<li class="vg-tile"><button type="button" class="vg-open" data-do="pick" '
        f'data-id="{safe(row.id)}" aria-label="{safe(told)}"{current}>'
        f'<img src="{safe(tile.picture)}" loading="{loading}" '
        f'alt="{safe(t("gallery.picture", **facts))}">'
        f'<span class="vg-name">{safe(row.concept)}</span>'
        f'<span class="vg-facts">{safe(row.model)} · {safe(row.seed)} · {safe(facts["date"])}</span>'
        f"{stopped}{star if row.favorite else ''}</button>"
        f'<input type="checkbox" class="vg-check" data-do="check" data-id="{safe(row.id)}" '
        f'aria-label="{safe(t("gallery.choose_drawing", **facts))}"{checked}></li>'
    )


def stopped_mark(stopped: Stopped | None) -> str:
    """A tag on a sketch that was stopped and kept; empty for a whole one."""
    words = stopped_words(stopped)
    return f'<span class="vg-stopped">{safe(words)}</span>' if words else ""


def stopped_words(stopped: Stopped | None) -> str:
    """Where a sketch was stopped and kept; empty for a whole one."""
    if stopped is None:
        return ""
    return t("gallery.stopped", step=stopped.step, total=stopped.num_steps)


def _interrupted(job: JobRow) -> str:
    concept = concept_of(job)
    again = button_html(
        "again", job.id, t("gallery.again"), told=t("gallery.again_named", concept=concept)
    )
    dismiss = button_html(
        "dismiss", job.id, t("gallery.dismiss"), told=t("gallery.dismiss_named", concept=concept)
    )
    seed = f"{t('gallery.seed')} {job.request.get('seed', 0)}"
    return f"<li><span>{safe(concept)}</span> <small>{safe(seed)}</small> {again} {dismiss}</li>"


def button_html(do: str, key: str, label: str, *, told: str = "") -> str:
    """A button of a GalleryView.

    Args:
        do: the event that it triggers.
        key: the id that the event carries.
        told: what screen readers say instead of the label.
    """
    name = f' aria-label="{safe(told)}"' if told else ""
    return (
        f'<button type="button" class="vg-button" data-do="{do}" data-id="{safe(key)}"{name}>'
        f"{safe(label)}</button>"
    )
