"""The components of the Gallery tab and where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from videosketcher_app.ui.components.gallery_grid import GalleryView
from videosketcher_app.ui.tabs.gallery_view import HEIGHTS_PX, Look
from videosketcher_app.ui.texts import t

NUM_OUTPUTS = 17


@dataclass(frozen=True, kw_only=True)
class GalleryComponents:
    """The tab's components; `outputs` is what `GalleryPage.shown` answers, in its order."""

    look: gr.State
    search: gr.Textbox
    favorites: gr.Checkbox
    strip: GalleryView
    status: gr.HTML
    undo: gr.Button
    grid: GalleryView
    count: gr.HTML
    newer: gr.Button
    older: gr.Button
    compared: GalleryView
    panel: gr.Column
    detail: GalleryView
    star: gr.Button
    compare: gr.Button
    whole: gr.Button
    reuse: gr.Button
    reink: gr.Button
    height: gr.Dropdown
    larger: gr.Button
    delete: gr.Button
    close: gr.Button
    export: gr.Button
    bin: GalleryView
    clear: gr.Button

    @property
    def outputs(self) -> list[Any]:
        """Everything that a handler may change."""
        return [
            self.look,
            self.strip,
            self.grid,
            self.count,
            self.newer,
            self.older,
            self.compared,
            self.panel,
            self.detail,
            self.star,
            self.compare,
            self.whole,
            self.export,
            self.bin,
            self.clear,
            self.undo,
            self.status,
        ]


def lay_out(*, can_reuse: bool) -> GalleryComponents:
    """Makes the components where the tab is being built.

    Args:
        can_reuse: there is a tab that takes a drawing's settings over.
    """
    look = gr.State(Look())
    strip = GalleryView(elem_id="gallery-strip")
    with gr.Row(elem_classes="vs-buttons"):
        search = gr.Textbox(
            label=t("gallery.search"),
            placeholder=t("gallery.search_hint"),
            max_length=200,
            scale=4,
            elem_id="gallery-search",
        )
        favorites = gr.Checkbox(label=t("gallery.favorites"), scale=1, elem_id="gallery-favorites")
        export = gr.Button(
            t("gallery.export"), interactive=False, scale=1, elem_id="gallery-export"
        )
    with gr.Row(elem_classes="vs-buttons"):
        status = gr.HTML(elem_id="gallery-status")
        undo = gr.Button(
            t("gallery.undo"), visible=False, size="sm", scale=0, elem_id="gallery-undo"
        )
    compared = GalleryView(elem_id="gallery-compared")
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=420):
            grid = GalleryView(elem_id="gallery-grid", min_height=60)
            with gr.Row(elem_classes="vs-buttons"):
                newer = gr.Button(t("gallery.earlier"), interactive=False, elem_id="gallery-newer")
                count = gr.HTML(elem_id="gallery-count")
                older = gr.Button(t("gallery.later"), interactive=False, elem_id="gallery-older")
        shown = _detail_layout(can_reuse=can_reuse)
    with gr.Accordion(t("gallery.bin"), open=False, elem_id="gallery-bin-fold"):
        bin_list = GalleryView(elem_id="gallery-bin")
        clear = gr.Button(t("gallery.bin_clear"), visible=False, size="sm", elem_id="gallery-clear")
    return GalleryComponents(
        look=look,
        search=search,
        favorites=favorites,
        strip=strip,
        status=status,
        undo=undo,
        compared=compared,
        grid=grid,
        count=count,
        newer=newer,
        older=older,
        export=export,
        bin=bin_list,
        clear=clear,
        **shown,
    )


def _detail_layout(*, can_reuse: bool) -> dict[str, Any]:
    with gr.Column(scale=2, min_width=340, visible=False, elem_id="gallery-panel") as panel:
        detail = GalleryView(elem_id="gallery-detail")
        whole = gr.Button(
            t("gallery.whole"), size="sm", variant="primary", visible=False, elem_id="gallery-whole"
        )
        with gr.Row(elem_classes="vs-buttons"):
            reuse = gr.Button(
                t("gallery.reuse"),
                size="sm",
                variant="primary",
                visible=can_reuse,
                elem_id="gallery-reuse",
            )
            reink = gr.Button(
                t("gallery.reink"), size="sm", visible=can_reuse, elem_id="gallery-reink"
            )
            compare = gr.Button(t("gallery.compare"), size="sm", elem_id="gallery-compare")
            star = gr.Button(t("gallery.star"), size="sm", elem_id="gallery-star")
        with gr.Row(elem_classes="vs-buttons"):
            height = gr.Dropdown(
                [(f"{value} px", value) for value in HEIGHTS_PX],
                value=HEIGHTS_PX[1],
                label=t("gallery.larger_height"),
                show_label=False,
                min_width=100,
                elem_id="gallery-height",
            )
            larger = gr.Button(t("gallery.larger"), size="sm", elem_id="gallery-larger")
        with gr.Row(elem_classes="vs-buttons"):
            delete = gr.Button(t("gallery.delete"), size="sm", elem_id="gallery-delete")
            close = gr.Button(t("gallery.close"), size="sm", elem_id="gallery-close")
    return {
        "panel": panel,
        "detail": detail,
        "star": star,
        "compare": compare,
        "whole": whole,
        "reuse": reuse,
        "reink": reink,
        "height": height,
        "larger": larger,
        "delete": delete,
        "close": close,
    }
