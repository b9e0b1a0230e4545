"""QueuePanel: a button that says how many wait, and the list that it opens."""

from __future__ import annotations

from typing import Any

import gradio as gr

from videosketcher_app.ui.components.assets import html_texts, script, section, style

# No ${...}: an update of what the template names would rebuild the page's part.
_TEMPLATE = """
<div class="qp">
  <button type="button" class="qp-open" aria-expanded="false" aria-controls="queue-panel"></button>
  <section class="qp-panel" id="queue-panel" aria-label="{title}" hidden>
    <header class="qp-head"><h2 tabindex="-1">{title}</h2>
      <button type="button" class="qp-close" aria-label="{close}">×</button></header>
    <p class="qp-told" role="status" aria-live="polite"></p>
    <ol class="qp-rows"></ol>
    <p class="qp-empty">{empty}</p>
    <p class="qp-hidden"></p>
    <button type="button" class="qp-word qp-clear" hidden>{clear}</button>
  </section>
</div>
"""


class QueuePanel(gr.HTML):
    """The list. Its value is made by `queue_words`: a label, and the rows while it is open.

    Events: `opened` and `closed`; `stop` and `first` {"id"} of a job; `clear`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            value=None,
            html_template=_TEMPLATE.format(**html_texts("queue")),
            css_template=style("queue_panel"),
            js_on_load=script("sure", "queue_panel", TEXT=section("queue")),
            apply_default_css=False,
            **options,
        )
