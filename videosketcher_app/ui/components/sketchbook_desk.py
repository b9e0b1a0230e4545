"""SketchbookDesk: sketches drawn on a sheet, kept in order, each with its caption."""

from __future__ import annotations

from typing import Any

import gradio as gr

from videosketcher_app.core.geometry import DEFAULT_FPS
from videosketcher_app.ui.components.assets import html_texts, script, section, style
from videosketcher_app.ui.components.icons import icon_button

PAPER_PX = (432, 240)  # width, height; small models learn at half of it, large ones at twice
COLORS = ("#000000", "#24557f", "#97311f", "#2f6b3e", "#7d4d00")
MAX_NAME = 60
MAX_CONCEPT = 200
MAX_CAPTION = 4000
SCRIPTS = (
    "pointer",
    "codraw_ink",
    "codraw_view",
    "codraw_strokes",
    "codraw_pen",
    "codraw_story",
    "codraw_stage",
    "codraw_hand",
    "codraw_keys",
    "roving",
    "sure",
    "train_sheet",
    "train_order",
    "train_book",
)

# No ${...}: an update of what the template names would rebuild the page's part, and the paper dies.
_TEMPLATE = """
<div class="codraw tb" role="group" aria-label="{desk_label}">
  <div class="tb-books">
    <label class="tb-field">{book}<select data-set="book"></select></label>
    <label class="tb-field">{new_book}<input class="cd-text" data-set="name" maxlength="{max_name}" placeholder="{new_book_hint}" autocomplete="off"></label>
    <button type="button" class="cd-word" data-do="create">{create}</button>
    <button type="button" class="cd-word tb-quiet" data-do="forget" hidden>{forget}</button>
  </div>
  <div class="tb-draw">
    <div class="cd-tools" role="toolbar" aria-label="{tools_label}">
      <span class="cd-group" role="radiogroup" aria-label="{tools_label}">{tools}</span>
      <span class="cd-group">{keys_button}</span>
      <span class="cd-group">
        <label class="cd-size">{size} <input type="range" data-set="size" min="1" max="24" step="0.5" value="2.5"><output></output></label>
      </span>
      <span class="cd-group cd-colors" role="radiogroup" aria-label="{color}">{colors}
        <input class="cd-own" type="color" data-set="color" value="#6a3d87" aria-label="{own_color}" title="{own_color}"></span>
    </div>
    <div class="cd-desk"><div class="cd-stage">
      <canvas class="cd-base" aria-hidden="true"></canvas>
      <canvas class="cd-live" tabindex="0" role="application" aria-label="{paper_label}"></canvas>
    </div></div>
    <div class="cd-acts">
      <button type="button" class="cd-word cd-go" data-do="keep" title="{keep_title}" disabled>{keep}</button>
      {undo_button}{redo_button}
      <button type="button" class="cd-word" data-do="clear" disabled>{clear}</button>
      <p class="cd-told" role="status" aria-live="polite">{draw_hint}</p>
    </div>
  </div>
  <h3 class="tb-head">{sketches} <span class="tb-count"></span></h3>
  <p class="cd-empty tb-empty">{sketches_empty}</p>
  <ol class="tb-sketches" aria-label="{sketches}"></ol>
  <template class="tb-item"><li>
    <figure class="tb-paper"><img alt=""><figcaption><b class="tb-number"></b> <span class="tb-origin"></span></figcaption></figure>
    <div class="tb-words">
      <textarea class="cd-text tb-caption" rows="1" maxlength="{max_caption}" placeholder="{caption_hint}"></textarea>
      <div class="tb-row">
        <input class="cd-text tb-concept" maxlength="{max_concept}" placeholder="{concept_hint}" autocomplete="off">
        <button type="button" class="cd-word" data-do="suggest">{suggest}</button>
        <button type="button" class="cd-word" data-do="order" aria-expanded="false">{order}</button>
        <span class="tb-moves"><button type="button" class="cd-icon" data-do="up">↑</button>
        <button type="button" class="cd-icon" data-do="down">↓</button>
        <button type="button" class="cd-icon" data-do="drop">×</button></span>
      </div>
      <div class="tb-order" role="group" aria-label="{order_label}" hidden>
        <p class="cd-empty">{order_intro}</p>
        <canvas class="tb-replay" role="img" aria-label="{order_picture}"></canvas>
        <div class="tb-row">
          <button type="button" class="cd-word" data-order="replay">{order_replay}</button>
          <button type="button" class="cd-word" data-order="propose">{order_propose}</button>
        </div>
        <ol></ol>
        <template><li><span class="tb-group"></span> <span class="tb-strokes"></span>
          <span class="tb-moves"><button type="button" class="cd-icon" data-show>◉</button>
          <button type="button" class="cd-icon" data-shift="-1">↑</button>
          <button type="button" class="cd-icon" data-shift="1">↓</button></span></li></template>
      </div>
    </div></li></template>
</div>
"""


class SketchbookDesk(gr.HTML):
    """The page of a sketchbook. Its value is made by `tabs.train.book_view`.

    Events, each with the `book` that is open and the `number` of the question: `seen` when it
    comes into view; `open` {"name"}; `create` {"name"}; `forget`; `keep` {"width", "height",
    "strokes"}; and on a sketch by its "id" `caption` {"text"}, `suggest` {"concept"}, `move`
    {"index"}, `drop`, and of a scan's strokes `order`, `propose` and `shift` {"group", "index"}.
    """

    def __init__(self, **options: Any) -> None:
        texts = html_texts("train")
        limits = {"max_name": MAX_NAME, "max_caption": MAX_CAPTION, "max_concept": MAX_CONCEPT}
        super().__init__(
            value=None,
            html_template=_TEMPLATE.format(**texts, **_buttons(texts), **limits),
            css_template=style("codraw") + style("train"),
            js_on_load=script(
                *SCRIPTS, TEXT=section("train"), PAPER_PX=PAPER_PX, COLORS=COLORS, FPS=DEFAULT_FPS
            ),
            apply_default_css=False,
            **options,
        )


def _buttons(texts: dict[str, str]) -> dict[str, str]:
    """The rows of buttons that the template names."""
    tools = "".join(
        icon_button(name, texts[name], f'role="radio" data-tool="{name}" aria-checked="false"')
        for name in ("pen", "eraser", "line")
    )
    colors = "".join(
        f'<button type="button" class="cd-color" role="radio" aria-checked="false" '
        f'data-color="{color}" style="background: {color}" '
        f'aria-label="{texts["color"]} {number}" title="{color}"></button>'
        for number, color in enumerate(COLORS, 1)
    )
    return {
        "tools": tools,
        "colors": colors,
        "keys_button": icon_button("keys", texts["keys"], 'data-do="keys" aria-pressed="false"'),
        "undo_button": icon_button("undo", texts["undo"], 'data-do="undo" disabled'),
        "redo_button": icon_button("redo", texts["redo"], 'data-do="redo" disabled'),
    }
