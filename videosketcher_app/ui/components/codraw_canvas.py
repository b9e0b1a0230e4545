"""CodrawCanvas: the paper that a person and the model draw on, with its tools, plan and turns.

The page's part talks to the server over a line of its own (ui/codraw); Gradio only lays it out.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from videosketcher_app.ui.components.assets import html_texts, script, section, style

SCRIPTS = (
    "pointer",
    "codraw_ink",
    "codraw_view",
    "codraw_strokes",
    "codraw_pen",
    "codraw_pace",
    "codraw_link",
    "codraw_story",
    "codraw_stage",
    "codraw_replay",
    "codraw_time",
    "codraw_hand",
    "codraw_keys",
    "codraw_side",
    "codraw_turns",
    "codraw_files",
    "codraw_events",
    "codraw",
    "codraw_tools",
)
SIZES = ((432, 240), (832, 480), (640, 640))
COLORS = ("#000000", "#24557f", "#97311f", "#2f6b3e", "#7d4d00")
PAUSES_S = (1, 2, 4)
PLAY_SPEEDS = (0.5, 1, 2, 4, 8)

# Lines on a square of 16.
_ICONS = {
    "pen": "M3 13L4 9.8L11.2 2.6A1.3 1.3 0 0 1 13.4 4.8L6.2 12Z M10 3.9L12.2 6.1",
    "eraser": "M6.2 13H13.5M2.6 9.8L9.2 3.2A1 1 0 0 1 10.6 3.2L13 5.6A1 1 0 0 1 13 7L7 13H5.2L2.6 10.8A0.7 0.7 0 0 1 2.6 9.8Z M6 6.5L10.2 10.5",
    "line": "M3 13L13 3M2.2 13A0.8 0.8 0 1 0 3.8 13A0.8 0.8 0 1 0 2.2 13M12.2 3A0.8 0.8 0 1 0 13.8 3A0.8 0.8 0 1 0 12.2 3",
    "lasso": "M4.5 10.6C2.9 10 2 8.8 2 7.4C2 4.9 4.7 3 8 3S14 4.9 14 7.4S11.3 11.8 8 11.8C7 11.8 6 11.6 5.2 11.3M5.8 10.4A1.3 1.3 0 1 0 3.4 11.4C3.6 12.6 5 12.6 4.6 14",
    "hand": "M5 8.5V4.3A0.9 0.9 0 0 1 6.8 4.3V7.5M6.8 7.4V3.2A0.9 0.9 0 0 1 8.6 3.2V7.4M8.6 7.4V3.9A0.9 0.9 0 0 1 10.4 3.9V7.8M10.4 7.8V5.4A0.9 0.9 0 0 1 12.2 5.4V10C12.2 12.4 10.8 14 8.6 14C6.7 14 5.8 13.2 4.9 11.6L3.3 8.9A0.9 0.9 0 0 1 4.7 7.8L5.6 9",
    "keys": "M6 3H10V6.5H6ZM1.5 8.5H5.5V12.5H1.5ZM6 8.5H10V12.5H6ZM10.5 8.5H14.5V12.5H10.5Z",
    "smooth": "M1.5 11C4 2.5 6.2 3 8 8S12 13.5 14.5 5",
    "closer": "M7 11.5A4.5 4.5 0 1 0 7 2.5A4.5 4.5 0 1 0 7 11.5M10.3 10.3L13.5 13.5M5 7H9M7 5V9",
    "away": "M7 11.5A4.5 4.5 0 1 0 7 2.5A4.5 4.5 0 1 0 7 11.5M10.3 10.3L13.5 13.5M5 7H9",
    "fit": "M2.5 6V3H5.5M10.5 3H13.5V6M13.5 10V13H10.5M5.5 13H2.5V10",
    "undo": "M5.5 3L2.5 6L5.5 9M2.8 6H9.5A3.7 3.7 0 0 1 9.5 13H6",
    "redo": "M10.5 3L13.5 6L10.5 9M13.2 6H6.5A3.7 3.7 0 0 0 6.5 13H10",
}

# No ${...}: an update of what the template names would rebuild the page's part, and the paper dies.
_TEMPLATE = """
<div class="codraw" role="group" aria-label="{desk_label}">
<div class="cd-main">
  <p class="cd-missing" role="note" hidden></p>
  <div class="cd-tools" role="toolbar" aria-label="{tools_label}">
    <span class="cd-group" role="radiogroup" aria-label="{tools_label}">{tools}</span>
    <span class="cd-group">
      <label class="cd-size">{size} <input type="range" data-set="size" min="1" max="24" step="0.5" value="2.5"><output></output></label>
    </span>
    <span class="cd-group cd-colors" role="radiogroup" aria-label="{color}">{colors}
      <input class="cd-own" type="color" data-set="color" value="#6a3d87" aria-label="{own_color}" title="{own_color}"></span>
    <span class="cd-group">{smooth_button}
      <button type="button" class="cd-icon" data-do="zoom-out" aria-label="{zoom_out}" title="{zoom_out}">{mark_away}</button>
      <button type="button" class="cd-icon" data-do="zoom-fit" aria-label="{zoom_fit}" title="{zoom_fit}">{mark_fit}</button>
      <button type="button" class="cd-icon" data-do="zoom-in" aria-label="{zoom_in}" title="{zoom_in}">{mark_closer}</button></span>
  </div>
  <div class="cd-desk"><div class="cd-stage">
    <canvas class="cd-base" aria-hidden="true"></canvas>
    <canvas class="cd-live" tabindex="0" role="application" aria-label="{paper_label}"></canvas>
  </div></div>
  <div class="cd-acts">
    <button type="button" class="cd-word cd-go" data-do="go" title="{go_title}">{go}</button>
    <button type="button" class="cd-word cd-stop" data-do="stop" title="{stop_title}" disabled>{stop}</button>
    {undo_button}{redo_button}
    <button type="button" class="cd-word" data-do="onion" title="{onion_title}" aria-pressed="false">{onion}</button>
    <button type="button" class="cd-word" data-do="accept" hidden>{accept}</button>
    <p class="cd-told" role="status" aria-live="polite">{connecting}</p>
    <button type="button" class="cd-word" data-do="again" hidden>{again}</button>
  </div>
  <div class="cd-time">
    <button type="button" class="cd-word" data-do="replay" disabled>{replay}</button>
    <label>{speed} <select data-set="speed"></select></label>
    <input type="range" data-set="time" min="0" max="0" step="1" value="0" aria-label="{scrub}" disabled>
    <output class="cd-readout"></output>
    <button type="button" class="cd-word" data-do="keep" hidden>{keep}</button>
    <button type="button" class="cd-word" data-do="close-replay" hidden>{close_replay}</button>
  </div>
</div>
<aside class="cd-side">
  <section>
    <label class="cd-ask">{concept}
    <span class="cd-row"><input class="cd-text" data-set="concept" placeholder="{concept_hint}" maxlength="1200" autocomplete="off">
    <button type="button" class="cd-word" data-do="plan">{plan}</button></span></label>
  </section>
  <section><h3>{plan_title}</h3>
    <p class="cd-empty cd-no-plan">{plan_empty}</p>
    <ol class="cd-parts"></ol>
    <div class="cd-partbar" hidden>
      <button type="button" class="cd-word" data-do="add-part">{add_part}</button>
      <button type="button" class="cd-word" data-do="use-plan" hidden>{use_plan}</button></div>
  </section>
  <section><h3>{turns_title}</h3>
    <p class="cd-empty cd-no-turns">{turns_empty}</p>
    <ol class="cd-turns"></ol>
  </section>
  <details class="cd-more"><summary>{options}</summary><div class="cd-options">
    <label>{canvas} <select data-set="canvas"></select></label>
    <label>{pause_after} <select data-set="pause"></select></label>
    <label class="cd-check"><input type="checkbox" data-set="raw">{raw}</label>
    <label class="cd-check"><input type="checkbox" data-set="tutor">{tutor}</label>
    <label class="cd-check"><input type="checkbox" data-set="match_hand">{match}</label>
    <label>{background} <input type="file" data-set="background" accept="image/png,image/jpeg,image/webp"></label>
    <button type="button" class="cd-word" data-do="unlock" hidden>{unlock}</button>
    <button type="button" class="cd-word" data-do="new">{new}</button>
  </div></details>
  <section><h3>{files}</h3><div class="cd-files">{file_buttons}</div></section>
</aside>
<dialog class="cd-compare" aria-label="{compare_title}"><h3>{compare_title}</h3>
  <div class="cd-pair"></div>
  <button type="button" class="cd-word" data-do="close-compare">{compare_close}</button></dialog>
</div>
"""


class CodrawCanvas(gr.HTML):
    """The whole Co-draw tab but for the simple pad; it has no value and no events.

    Args:
        multiple_px: sides of the paper are multiples of it, as the model needs them.
    """

    def __init__(self, multiple_px: int = 8, **options: Any) -> None:
        texts = html_texts("codraw")
        super().__init__(
            html_template=_TEMPLATE.format(**texts, **_parts(texts)),
            css_template=style("codraw"),
            js_on_load=script(
                *SCRIPTS,
                TEXT=section("codraw"),
                SIZES=paper_sizes(multiple_px),
                COLORS=COLORS,
                PAUSES_S=PAUSES_S,
                SPEEDS=PLAY_SPEEDS,
            ),
            apply_default_css=False,
            **options,
        )


def paper_sizes(multiple_px: int) -> list[tuple[int, int]]:
    """The papers on offer, (width, height) in pixels, each at least as large as its namesake."""
    return [
        (-(-width // multiple_px) * multiple_px, -(-height // multiple_px) * multiple_px)
        for width, height in SIZES
    ]


def _parts(texts: dict[str, str]) -> dict[str, str]:
    """The rows of buttons that the template names."""
    tools = "".join(
        _icon(name, texts[name], f'role="radio" data-tool="{name}" aria-checked="false"')
        for name in ("pen", "eraser", "line", "lasso", "hand")
    )
    colors = "".join(
        f'<button type="button" class="cd-color" role="radio" aria-checked="false" '
        f'data-color="{color}" style="background: {color}" '
        f'aria-label="{texts["color"]} {number}" title="{color}"></button>'
        for number, color in enumerate(COLORS, 1)
    )
    files = "".join(
        f'<button type="button" class="cd-word" data-file="{form}">{form.upper()}</button>'
        for form in ("png", "svg", "mp4", "gif")
    )
    toggles = 'aria-pressed="false"'
    return {
        "tools": tools + _icon("keys", texts["keys"], f'data-do="keys" {toggles}'),
        "colors": colors,
        "smooth_button": _icon("smooth", texts["smooth"], 'data-do="smooth" aria-pressed="true"'),
        **{f"mark_{name}": _mark(name) for name in ("away", "fit", "closer")},
        "undo_button": _icon("undo", texts["undo"], 'data-do="undo" disabled'),
        "redo_button": _icon("redo", texts["redo"], 'data-do="redo" disabled'),
        "file_buttons": files,
    }


def _icon(name: str, label: str, attributes: str) -> str:
    return (
        f'<button type="button" class="cd-icon" {attributes} aria-label="{label}" title="{label}">'
        f"{_mark(name)}</button>"
    )


def _mark(name: str) -> str:
    path = f'<path d="{_ICONS[name]}"/>'
    return f'<svg class="cd-mark" viewBox="0 0 16 16" aria-hidden="true">{path}</svg>'
