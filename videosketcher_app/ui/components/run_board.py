"""RunBoard: one training run as it goes, what can be done with it, and all runs there are."""

from __future__ import annotations

from typing import Any

import gradio as gr

from videosketcher_app.ui.components.assets import html_texts, script, section, style

# No ${...}: an update of what the template names would rebuild the page's part.
_TEMPLATE = """
<div class="codraw tr" role="group" aria-label="{runs_label}">
  <p class="cd-told tr-told" role="status" aria-live="polite"></p>
  <section class="tr-run" aria-label="{run_label}" hidden>
    <header class="tr-head"><h3 class="tr-name"></h3>
      <p class="tr-state" role="status" aria-live="polite"></p></header>
    <progress class="tr-progress" aria-label="{progress_label}" value="0" max="1"></progress>
    <p class="tr-facts"></p>
    <p class="tr-message cd-told cd-alert" hidden></p>
    <div class="cd-acts">
      <button type="button" class="cd-word" data-do="pause">{pause}</button>
      <button type="button" class="cd-word" data-do="go_on">{go_on}</button>
      <button type="button" class="cd-word cd-stop" data-do="stop">{stop}</button>
      <span class="tr-use"><label>{checkpoint} <select data-set="step"></select></label>
      <button type="button" class="cd-word cd-go" data-do="use">{use}</button></span>
    </div>
    <h4>{samples}</h4><div class="tr-strip"></div>
    <details class="cd-more tr-compare"><summary>{compare}</summary>
      <div class="cd-acts"><label>{compare_left} <select data-set="left"></select></label>
      <label>{compare_right} <select data-set="right"></select></label>
      <label>{plan} <select data-set="sample"></select></label>
      <button type="button" class="cd-word" data-do="compare">{compare_go}</button></div>
      <div class="tr-pair"></div></details>
    <h4>{plot}</h4><div class="tr-plot"></div>
  </section>
  <section aria-label="{runs}"><h3>{runs}</h3><div class="tr-list"></div></section>
</div>
"""


class RunBoard(gr.HTML):
    """The board. Its value is made by `tabs.train.run_view`.

    Events: `seen` and `hidden`, when it comes into view and goes; the rest with the id of a run:
    `pick`, `pause`, `go_on`, `stop`, `remove`, `use` {"step"} and `compare` {"left", "right",
    "sample"}.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            value=None,
            html_template=_TEMPLATE.format(**html_texts("train")),
            css_template=style("codraw") + style("train"),
            js_on_load=script("sure", "train_runs", TEXT=section("train")),
            apply_default_css=False,
            **options,
        )
