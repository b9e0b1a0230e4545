"""Places for what works on many drawings at once: four variations, and prompts from a file."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import gradio as gr

from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs.text.page import TextPage
from videosketcher_app.ui.texts import t

COMPONENTS = "videosketcher_app.ui.components"


def build_extras(context: PageContext, page: TextPage) -> None:
    """Lays them out below the page, each in an accordion of its own."""
    extras: list[tuple[str, str, tuple[Any, ...]]] = [
        ("variations", t("text.variations"), (context, page)),
        ("batch_table", t("text.batch"), (context,)),
    ]
    for name, label, arguments in extras:
        if find_spec(f"{COMPONENTS}.{name}") is not None:
            with gr.Accordion(label, open=False, elem_id=f"{name}-fold"):
                import_module(f"{COMPONENTS}.{name}").build(*arguments)
