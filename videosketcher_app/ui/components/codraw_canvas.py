"""CodrawCanvas: the paper that a person and the model draw on, with its tools, plan and turns.

The page's part talks to the server over a line of its own (ui/codraw); Gradio only lays it out.
"""

from __future__ import annotations

from html import escape
from typing import Any, get_args

import gradio as gr

from videosketcher_app.core.requests import CoDrawRequest
from videosketcher_app.ui.components.assets import html_texts, script, section, style
from videosketcher_app.ui.components.icons import icon, icon_button
from videosketcher_app.ui.texts import t

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
    "codraw_models",
    "codraw_events",
    "roving",
    "codraw",
    "codraw_tools",
)
SIZES = ((432, 240), (832, 480), (640, 640))
COLORS = ("#000000", "#24557f", "#97311f", "#2f6b3e", "#7d4d00")
PAUSES_S = (1, 2, 4)
PLAY_SPEEDS = (0.5, 1, 2, 4, 8)

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
    <label hidden>{model} <select data-set="model"></select></label>
    <p class="cd-empty cd-unfit" hidden></p>
    <label title="{mode_info}">{mode} <select data-set="mode">{modes}</select></label>
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

    # Gradio asks a component for its parameters by name, and gives a listener for every name that the
    # script holds in quotes; nobody writes this one.
    def __init__(self, multiple_px: int = 8, **html_options: Any) -> None:
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
            **html_options,
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
        icon_button(name, texts[name], f'role="radio" data-tool="{name}" aria-checked="false"')
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
        "tools": tools + icon_button("keys", texts["keys"], f'data-do="keys" {toggles}'),
        "colors": colors,
        **_modes(),
        "smooth_button": icon_button(
            "smooth", texts["smooth"], 'data-do="smooth" aria-pressed="true"'
        ),
        **{f"mark_{name}": icon(name) for name in ("away", "fit", "closer")},
        "undo_button": icon_button("undo", texts["undo"], 'data-do="undo" disabled'),
        "redo_button": icon_button("redo", texts["redo"], 'data-do="redo" disabled'),
        "file_buttons": files,
    }


def mode_words() -> dict[str, str]:
    """The modes of speed: the Text tab's words, but for what `fast` leaves out here."""
    modes = get_args(CoDrawRequest.model_fields["mode"].annotation)
    return {
        **{mode: t(f"model_settings.mode_{mode}") for mode in modes},
        "fast": t("codraw.mode_fast"),
    }


def _modes() -> dict[str, str]:
    """The list of modes of speed."""
    options = [
        f'<option value="{mode}">{escape(told)}</option>' for mode, told in mode_words().items()
    ]
    return {
        "mode": escape(t("model_settings.mode")),
        "mode_info": escape(t("model_settings.mode_info")),
        "modes": "".join(options),
    }
