"""The Brush tab's components in their places: words, brush and plan on the left, the sheet right."""

from __future__ import annotations

from typing import Any

import gradio as gr

from videosketcher_app.core.access import Role
from videosketcher_app.ui.components.brush_card import lay_out_card
from videosketcher_app.ui.components.brush_pad import SHEET_PX, BrushPad, PadNote
from videosketcher_app.ui.components.brush_picture import BrushPicture
from videosketcher_app.ui.components.brush_shelf import BrushShelf
from videosketcher_app.ui.components.brush_strokes import BrushStrokes
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.brush.page import IDS, BrushPage
from videosketcher_app.ui.tabs.text.layout import (
    lay_out_ask,
    lay_out_choices,
    lay_out_plan,
    lay_out_settings,
    lay_out_sheet,
    note_html,
)
from videosketcher_app.ui.tabs.text.lora_slots import lay_out_loras
from videosketcher_app.ui.tabs.text.values import model_choices
from videosketcher_app.ui.texts import t

PAD_COLORS = ("#22262b", "#97311f", "#24557f", "#2f6b3e", "#d8432b", "#edc20d", "#7446ae")
PAD_WIDTH_PX = 18
Parts = dict[str, Any]


def lay_out(context: PageContext) -> BrushPage:
    """Makes the components; nothing is connected."""
    with gr.Row(elem_id="brush-desk", equal_height=False):
        with gr.Column(elem_classes="vt-ask", min_width=280):
            ask = lay_out_ask(IDS)
        with gr.Column(elem_classes="vk-bench", min_width=280):
            bench = _bench(context)
        with gr.Column(elem_classes="vt-sheet", min_width=320):
            sheet = lay_out_sheet(IDS)
        with gr.Column(elem_classes="vt-work", min_width=280):
            work = lay_out_choices(context, IDS)
            work |= lay_out_plan(IDS)
            work |= lay_out_settings(context, model_choices(context.model, with_brush=True), IDS)
            loras = lay_out_loras(IDS)
    return BrushPage(**ask, **bench, **sheet, **work, loras=loras)


def _bench(context: PageContext) -> Parts:
    """Where a brush comes from, and the card of the one that is chosen."""
    with gr.Tabs(elem_classes="vk-sources", elem_id=f"{IDS}sources"):
        with gr.Tab(t("brush.tab_shelf"), id="shelf"):
            shelf = BrushShelf(elem_id=f"{IDS}shelf")
        with gr.Tab(t("brush.tab_paint"), id="paint"):
            pad, use_pad = _pad(context.role)
        with gr.Tab(t("brush.tab_picture"), id="picture"):
            gr.HTML(note_html(t("brush.picture_intro")), padding=False)
            picture = BrushPicture(
                label=t("brush.picture"),
                sources=["upload", "clipboard", "webcam"],
                type="filepath",
                image_mode=None,
                buttons=[],
                height=190,
                elem_id=f"{IDS}picture",
                webcam_options=gr.WebcamOptions(mirror=False),
            )
        with gr.Tab(t("brush.tab_stroke"), id="stroke"):
            strokes = BrushStrokes(elem_id=f"{IDS}strokes")
    told = gr.HTML(elem_id=f"{IDS}told", apply_default_css=False, padding=False)
    card = lay_out_card(context.services.brushes.kinds(), IDS)
    with gr.Row(elem_classes="vk-use"):
        reink = gr.Button(t("brush.reink"), min_width=170, scale=3, elem_id=f"{IDS}reink")
        show_box = gr.Checkbox(
            True, label=t("brush.show_box"), min_width=150, scale=2, elem_id=f"{IDS}show-box"
        )
        own_ink = gr.Checkbox(
            False, label=t("brush.own_ink"), min_width=150, scale=2, elem_id=f"{IDS}own-ink"
        )
    by_hand = gr.HTML(elem_id=f"{IDS}by-hand", padding=False, apply_default_css=False)
    with (
        gr.Accordion(t("brush.keep_fold"), open=False, elem_id=f"{IDS}keep-fold"),
        gr.Row(elem_classes="vk-keep"),
    ):
        keep_as = gr.Textbox(
            label=t("brush.keep_as"),
            placeholder=t("brush.keep_hint"),
            max_length=60,
            min_width=130,
            scale=3,
            elem_id=f"{IDS}keep-as",
        )
        keep = gr.Button(t("brush.keep"), min_width=120, scale=2, elem_id=f"{IDS}keep")
    return {
        "shelf": shelf,
        "pad": pad,
        "use_pad": use_pad,
        "picture": picture,
        "strokes": strokes,
        "told": told,
        "card": card,
        "by_hand": by_hand,
        "show_box": show_box,
        "own_ink": own_ink,
        "reink": reink,
        "keep_as": keep_as,
        "keep": keep,
    }


def _pad(role: Role) -> tuple[gr.Sketchpad | BrushPad, gr.Button | None]:
    """Gradio's sketch pad; a guest's door has no way for what it sends, so guests get our sheet."""
    words = note_html(t("brush.pad_intro"))
    if role is Role.GUEST:
        gr.HTML(words, padding=False)
        return BrushPad(elem_id=f"{IDS}pad"), None
    PadNote(words, pad=f"{IDS}pad", padding=False)
    pad = gr.Sketchpad(
        label=t("brush.pad_label"),
        show_label=False,
        type="numpy",
        image_mode="RGBA",
        canvas_size=SHEET_PX,
        fixed_canvas=True,
        height=260,
        layers=False,
        transforms=(),
        buttons=[],
        brush=gr.Brush(
            default_size=PAD_WIDTH_PX,
            colors=list(PAD_COLORS),
            default_color=PAD_COLORS[0],
            color_mode="defaults",
        ),
        elem_id=f"{IDS}pad",
    )
    return pad, gr.Button(t("brush.use_stroke"), variant="primary", elem_id=f"{IDS}use-pad")
