"""ModelCards: every model as a card, what can be done with it, and how far that is."""

from __future__ import annotations

from typing import Any

import gradio as gr

from videosketcher_app.ui.components.assets import html_texts, script, section, style

# No ${...}: an update of what the template names would rebuild the page's part.
_TEMPLATE = """
<div class="codraw ms" role="group" aria-label="{shelf_label}">
  <div class="ms-head">
    <div class="ms-filter" role="radiogroup" aria-label="{filter_label}">
      <button type="button" role="radio" data-filter="all">{filter_all} <span></span></button>
      <button type="button" role="radio" data-filter="here">{filter_here} <span></span></button>
      <button type="button" role="radio" data-filter="away">{filter_away} <span></span></button>
    </div>
    <button type="button" class="cd-word" data-do="look">{refresh}</button>
  </div>
  <p class="cd-told ms-news" role="status" aria-live="polite"></p>
  <p class="cd-told ms-notice" role="status" aria-live="polite"></p>
  <p class="ms-line"></p>
  <div class="ms-groups"></div>
</div>
"""


class ModelCards(gr.HTML):
    """The cards. Its value is made by `tabs.models.news`.

    Events: `seen` and `hidden`, when the tab comes into view and goes; `look`; the rest with the
    `name` of a model: `download`, `needs`, `pause`, `go_on`, `stop`, `use`, `verify`, `stop_check`,
    `remove`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            value=None,
            html_template=_TEMPLATE.format(**html_texts("models")),
            css_template=style("codraw") + style("model_cards"),
            js_on_load=script("sure", "roving", "model_cards", TEXT=section("models")),
            apply_default_css=False,
            **options,
        )
