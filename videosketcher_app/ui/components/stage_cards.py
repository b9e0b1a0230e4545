"""StageCards: the stages of training, what each is for, and what it takes on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from videosketcher_app.ui.components.assets import script, style
from videosketcher_app.ui.texts import t

_CARD = (
    '<button type="button" class="tg-card" role="radio" aria-checked="false" data-stage="{stage}">'
    '<strong>{title}</strong><span class="tg-about">{about}</span>'
    '<span class="tg-cost"></span><span class="tg-note"></span></button>'
)


class StageCards(gr.HTML):
    """Cards, one of them chosen. The value is {"chosen", "cards": [{"stage", "cost", "note"}]}.

    Events: `seen` when it comes into view; `pick` {"stage"}.

    Args:
        stages: (name, title, what it is for) of each.
    """

    def __init__(self, stages: Sequence[tuple[str, str, str]], **options: Any) -> None:
        cards = "".join(
            _CARD.format(stage=escape(stage), title=escape(title), about=escape(about))
            for stage, title, about in stages
        )
        label = escape(t("train.stages_label"))
        super().__init__(
            value=None,
            html_template=f'<div class="tg-cards" role="radiogroup" aria-label="{label}">{cards}</div>',
            css_template=style("train"),
            js_on_load=script("roving", "train_stages"),
            apply_default_css=False,
            **options,
        )
