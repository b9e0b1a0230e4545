"""The Train tab (owner): a sketchbook that is drawn here, and the runs that learn its style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.text import TextPage
from videosketcher_app.ui.tabs.text.lora_slots import put_in_slot
from videosketcher_app.ui.tabs.train.asking import connect_asking
from videosketcher_app.ui.tabs.train.book import connect_book
from videosketcher_app.ui.tabs.train.layout import TrainParts, lay_out
from videosketcher_app.ui.tabs.train.runs import connect_runs
from videosketcher_app.ui.texts import t


def build(context: PageContext, page: TextPage, bar: gr.Tabs) -> TrainParts:
    """Lays the tab out and connects what this role may do.

    Args:
        page: the Text tab, in which a style is used.
        bar: the tabs, which then turn to it.
    """
    parts = lay_out(context)
    slots = page.loras
    assert slots is not None, "the Text tab has slots"

    def use(name: str, model: str, values: Sequence[Any]) -> list[Any]:
        chosen = put_in_slot(context.services.loras, name, values)
        offered = [value for _, value in page.model.choices or ()]
        fitting = gr.update(value=model) if model in offered else gr.skip()
        return [*chosen, fitting, gr.Tabs(selected=t("shell.tab_text"))]

    connect_book(context, parts.desk, parts.book)
    connect_asking(context, parts)
    connect_runs(
        context,
        parts,
        use=use,
        use_inputs=slots.inputs,
        use_outputs=[*slots.put_outputs, page.model, bar],
    )
    return parts
