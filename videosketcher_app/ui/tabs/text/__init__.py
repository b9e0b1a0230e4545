"""The Text tab: a concept, its plan, the drawing as it appears, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.ui.components.drop_zone import DropZone
from videosketcher_app.ui.components.gallery_grid import GalleryView
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.text import reuse
from videosketcher_app.ui.tabs.text.extras import build_extras
from videosketcher_app.ui.tabs.text.film_field import connect_film
from videosketcher_app.ui.tabs.text.kept import connect_kept
from videosketcher_app.ui.tabs.text.layout import lay_out
from videosketcher_app.ui.tabs.text.lora_slots import connect_loras
from videosketcher_app.ui.tabs.text.page import TextPage
from videosketcher_app.ui.tabs.text.tab import connect_all

__all__ = ["TextPage", "build", "reuse_outputs", "reuse_with"]


def build(context: PageContext, zone: DropZone) -> TextPage:
    """Lays the tab out and connects what this role may do.

    Args:
        zone: the window's drop zone, built outside the tabs.
    """
    kept = GalleryView(elem_id="kept-drawings")
    page = lay_out(context)
    build_extras(context, page)
    ends = connect_all(context, page, zone)
    connect_kept(context, page, kept, ends)
    assert page.loras is not None, "the Text tab has slots"
    if page.film_field is not None:
        connect_film(context, page.film_field, page.model)
    connect_loras(context, page.loras, page.concept, page.as_written)
    return page


def reuse_outputs(page: TextPage) -> list[Any]:
    """What takes a drawing's settings over, and the line that says how that went."""
    return [page.status, *reuse.reuse_outputs(page)]


def reuse_with(
    context: PageContext, page: TextPage
) -> Callable[[SketchRequest, PlannedDrawing | None], list[Any]]:
    """(request, planned) -> updates of `reuse_outputs(page)`, for other tabs."""
    return lambda request, planned: reuse.from_request(context, page, request, planned)
