"""build_app: the page of one role, from header to status bar; tabs are built by their modules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr

from videosketcher_app.core.access import Capability, Role, allows
from videosketcher_app.core.requests import DEFAULT_MODEL, SketchRequest
from videosketcher_app.services.container import Services
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.services.presets import Notice
from videosketcher_app.services.saved import SavedDrawing
from videosketcher_app.ui.components import header, hints, status_bar
from videosketcher_app.ui.components.drop_zone import DropZone
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs import brush, codraw, gallery, models, text, train, wall
from videosketcher_app.ui.texts import t

CACHE_SWEEP_S = (3600, 86400)  # how often, and how old


def build_app(services: Services, role: Role, *, model: str = DEFAULT_MODEL) -> gr.Blocks:
    """The page for one role; what the role may not do has no handler in it."""
    context = PageContext(services=services, role=role, model=model)
    with gr.Blocks(
        title=t("shell.title"), analytics_enabled=False, delete_cache=CACHE_SWEEP_S
    ) as blocks:
        header.build(role)
        if role is Role.OWNER and services.notices:
            gr.HTML(notices_html(services.notices), elem_id="notices", apply_default_css=False)
        zone = DropZone(elem_id="drop-zone")  # of the whole window, so outside the tabs
        with gr.Tabs(elem_classes="vs-tabs") as tabs:
            for name, lay_out in _tabs(context, zone, tabs):
                with gr.Tab(name, id=name) as tab:
                    lay_out(tab)
        status_bar.build(context, blocks)
    return blocks


def _tabs(
    context: PageContext, zone: DropZone, bar: gr.Tabs
) -> list[tuple[str, Callable[[gr.Tab], Any]]]:
    """Name and builder of every tab of this role, in order; the Text tab is built first."""
    role = context.role
    page: list[text.TextPage] = []
    brush_page: list[brush.BrushPage] = []
    tabs: list[tuple[Capability, str, Callable[[gr.Tab], Any]]] = [
        (Capability.GENERATE, t("shell.tab_text"), lambda _: page.append(_text(context, zone))),
        (
            Capability.GENERATE,
            t("shell.tab_brush"),
            lambda _: brush_page.append(brush.build(context)),
        ),
        (Capability.CO_DRAW, t("shell.tab_codraw"), lambda _: codraw.build(context)),
        *(
            [(Capability.SEE_WALL, t("wall.tab"), lambda _: wall.build(context.services, role))]
            if context.services.guests.is_class
            else []
        ),
        (
            Capability.TRAIN,
            t("shell.tab_train"),
            lambda _: train.build(context, page[0], brush_page[0], bar),
        ),
        (Capability.MANAGE_MODELS, t("shell.tab_models"), lambda _: models.build(context)),
        (
            Capability.READ_ALL_OUTPUTS,
            t("shell.tab_gallery"),
            lambda _: _gallery(context, page[0], brush_page[0], bar),
        ),
    ]
    return [(name, lay_out) for capability, name, lay_out in tabs if allows(role, capability)]


def notices_html(notices: Sequence[Notice]) -> str:
    """What was left out at the start, each with its file and line."""
    items = "".join(f"<li>{escape(str(notice))}</li>" for notice in notices)
    return f'<div class="vs-notices" role="note"><p>{t("shell.notices")}</p><ul>{items}</ul></div>'


def _text(context: PageContext, zone: DropZone) -> text.TextPage:
    hints.build()
    return text.build(context, zone)


def _gallery(
    context: PageContext, page: text.TextPage, brush_page: brush.BrushPage, bar: gr.Tabs
) -> None:
    """The Gallery, whose drawings can go back to the Text tab, or to the Brush tab to be re-inked."""
    settings = text.reuse_with(context, page)

    def reuse(request: SketchRequest, planned: PlannedDrawing | None) -> list[Any]:
        return [*settings(request, planned), gr.Tabs(selected=t("shell.tab_text"))]

    take = brush.taking(context)

    def reink(saved: SavedDrawing) -> list[Any]:
        return [*take(saved), gr.Tabs(selected=t("shell.tab_brush"))]

    gallery.build(
        context,
        reuse=reuse,
        reuse_outputs=[*text.reuse_outputs(page), bar],
        reink=reink,
        reink_outputs=[*brush.taking_outputs(brush_page), bar],
    )
