"""Tabs that are not there yet: what they will do, shown as a drawing, with nothing to press."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import gradio as gr

from videosketcher_app.ui.texts import t
from videosketcher_app.ui.theme import asset


@dataclass(frozen=True, kw_only=True)
class Coming:
    """One tab to come; `drawing` is a file of the assets folder, the rest are texts."""

    drawing: str
    title: str
    lead: str
    steps: tuple[str, ...]
    caption: str
    until: str


def train() -> None:
    """Lays out the Train tab."""
    _lay_out(
        Coming(
            drawing="coming_train.svg",
            title=t("shell.train_title"),
            lead=t("shell.train_lead"),
            steps=(t("shell.train_step_1"), t("shell.train_step_2"), t("shell.train_step_3")),
            caption=t("shell.train_caption"),
            until=t("shell.train_until"),
        )
    )


def page_html(coming: Coming) -> str:
    """The whole tab; only the drawing's own markup is not escaped."""
    steps = "".join(f"<li>{escape(step)}</li>" for step in coming.steps)
    return (
        '<section class="vs-coming"><div>'
        f'<p class="vs-when">{escape(t("shell.not_yet"))}</p>'
        f"<h2>{escape(coming.title)}</h2>"
        f'<p class="vs-lead">{escape(coming.lead)}</p>'
        f"<ol>{steps}</ol>"
        f'<p class="vs-until">{escape(coming.until)}</p></div>'
        f'<figure><div class="vs-sheet">{asset(coming.drawing)}</div>'
        f"<figcaption>{escape(coming.caption)}</figcaption></figure></section>"
    )


def _lay_out(coming: Coming) -> None:
    gr.HTML(page_html(coming), apply_default_css=False)
