"""Places for what works on many drawings at once: four variations, and prompts from a file."""

from __future__ import annotations

import gradio as gr

from videosketcher_app.ui.components import batch_table
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.text import variations
from videosketcher_app.ui.tabs.text.page import TextPage
from videosketcher_app.ui.texts import t


def build_extras(context: PageContext, page: TextPage) -> None:
    """Lays them out below the page, each in an accordion of its own."""
    with gr.Accordion(t("text.variations"), open=False, elem_id="variations-fold"):
        variations.build(context, page)
    with gr.Accordion(t("text.batch"), open=False, elem_id="batch-fold"):
        batch_table.build(context)
