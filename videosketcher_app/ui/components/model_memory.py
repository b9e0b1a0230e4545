"""ModelMemory: the memory picture, the budget, and what this machine can do, measured."""

from __future__ import annotations

from typing import Any

import gradio as gr

from videosketcher_app.ui.components.assets import html_texts, script, section, style

# No ${...}: an update of what the template names would rebuild the page's part.
_TEMPLATE = """
<div class="codraw mm" role="group" aria-label="{label}">
  <div class="mm-grid">
    <div class="mm-places"></div>
    <section class="mm-budget" hidden>
      <label for="mm-budget">{budget}</label>
      <div class="mm-slide"><input id="mm-budget" type="range">
        <output for="mm-budget"></output></div>
      <p class="mm-note">{budget_note}</p>
      <div class="cd-acts">
        <button type="button" class="cd-word" data-do="calibrate">{calibrate}</button>
        <button type="button" class="cd-word" data-do="self_test">{self_test}</button>
      </div>
    </section>
  </div>
  <section class="mm-tests">
    <p class="mm-measured mm-note"></p>
    <div class="mm-moving" hidden><progress aria-label="{progress}"></progress>
      <p class="mm-facts" role="status" aria-live="polite"></p></div>
    <p class="cd-told mm-told" role="status" aria-live="polite"></p>
    <div class="mm-results"></div>
  </section>
</div>
"""


class ModelMemory(gr.HTML):
    """The picture. Its value is made by `tabs.models.memory`.

    Events: `budget` {"gb"}, `calibrate` and `self_test`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            value=None,
            html_template=_TEMPLATE.format(**html_texts("models_memory")),
            css_template=style("codraw") + style("model_memory"),
            js_on_load=script("model_memory", TEXT=section("models_memory")),
            apply_default_css=False,
            **options,
        )
