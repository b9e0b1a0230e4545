"""BrushPad: a small sheet to paint a stroke on, for guests.

Gradio's sketch pad sends its layers by a route that the guests' door does not have. This one sends
one picture by the way of all uploads, within the guest's budget.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from videosketcher_app.ui.components.assets import html_texts, script, section, style

SHEET_PX = (640, 240)

_TEMPLATE = """
<div class="bp" role="group" aria-label="{pad_label}">
  <canvas width="{width_px}" height="{height_px}" tabindex="0" role="img" aria-label="{pad_label}"></canvas>
  <div class="bp-bar">
    <label>{pad_color} <input type="color" class="bp-color" value="#22262b"></label>
    <label>{pad_width} <input type="range" class="bp-width" min="2" max="60" value="18"></label>
    <button type="button" data-do="clear">{pad_clear}</button>
    <button type="button" data-do="use" class="bp-use">{use_stroke}</button>
  </div>
  <p class="bp-told" role="status" aria-live="polite"></p>
</div>
"""


class BrushPad(gr.HTML):
    """A sheet to paint on. The event `painted` carries {"path"} of the picture that was sent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            html_template=_TEMPLATE.format(
                **html_texts("brush"), width_px=SHEET_PX[0], height_px=SHEET_PX[1]
            ),
            css_template=style("brush_pad"),
            js_on_load=script("brush_pad", TEXT=section("brush")),
            apply_default_css=False,
            **options,
        )


class PadNote(gr.HTML):
    """What to do on Gradio's sketch pad; it also picks up the pad's brush, which starts without.

    Args:
        pad: elem_id of the sketch pad.
    """

    def __init__(self, value: str, *, pad: str, **options: Any) -> None:
        super().__init__(value=value, js_on_load=script("brush_pad_note", PAD=pad), **options)
