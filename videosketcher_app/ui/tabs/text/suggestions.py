"""Suggestions: a row of concepts that can be drawn, narrowed down while somebody types."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import Any

import gradio as gr

from videosketcher_app.services.planner.library import shipped_library
from videosketcher_app.ui.components.assets import script
from videosketcher_app.ui.texts import t

NUM_SHOWN = 5


class Suggestions(gr.HTML):
    """Buttons that write a concept into the field above them; nothing is asked of the server.

    Args:
        field: elem_id of the concept's text box.
    """

    def __init__(self, *, field: str, **options: Any) -> None:
        super().__init__(
            value=None,
            html_template=_template(),
            js_on_load=script(
                "text_suggestions", CONCEPTS=concepts(), FIELD=field, NUM_SHOWN=NUM_SHOWN
            ),
            apply_default_css=False,
            **options,
        )


@cache
def concepts() -> list[list[str]]:
    """[title, all names in lower case] of every concept; those that the model was taught first."""
    entries = sorted(shipped_library().entries, key=lambda entry: not entry.taught)
    return [
        [entry.title, " | ".join([entry.title, *entry.aliases]).lower(), "taught"][
            : 2 + entry.taught
        ]
        for entry in entries
    ]


def _template() -> str:
    return (
        f'<div class="ts" role="group" aria-label="{escape(t("text.suggestions"))}">'
        f'<span class="ts-label">{escape(t("text.suggestions_label"))}</span>'
        '<span class="ts-row"></span>'
        f'<button type="button" class="ts-more" aria-label="{escape(t("text.suggestions_more"))}"'
        f' title="{escape(t("text.suggestions_more"))}">↻</button></div>'
    )
