"""The Brush tab: a brush from the shelf, a pad, a picture or a drawing, and sketches in its hand."""

from __future__ import annotations

import gradio as gr

from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.brush.bench import connect_bench
from videosketcher_app.ui.tabs.brush.inking import connect_inking, taking, taking_outputs
from videosketcher_app.ui.tabs.brush.layout import lay_out
from videosketcher_app.ui.tabs.brush.page import IDS, BrushPage
from videosketcher_app.ui.tabs.brush.side import build_side
from videosketcher_app.ui.tabs.text import variations
from videosketcher_app.ui.tabs.text.lora_slots import connect_loras
from videosketcher_app.ui.tabs.text.tab import connect_all
from videosketcher_app.ui.texts import t

__all__ = ["BrushPage", "build", "taking", "taking_outputs"]


def build(context: PageContext) -> BrushPage:
    """Lays the tab out and connects what this role may do."""
    page = lay_out(context)
    build_side(context, page)
    with gr.Accordion(t("text.variations"), open=False, elem_id=f"{IDS}variations-fold"):
        variations.build(context, page, IDS)
    connect_all(context, page, None)
    connect_bench(context, page)
    connect_inking(context, page)
    assert page.loras is not None, "the Brush tab has slots"
    connect_loras(context, page.loras, page.concept, page.as_written)
    return page
