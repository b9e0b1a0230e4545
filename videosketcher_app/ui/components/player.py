"""Player: the finished video over a timeline that is split by part, where parts can be re-timed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.services.saved import SavedDrawing
from videosketcher_app.ui.components.assets import html_texts, script, section, style
from videosketcher_app.ui.texts import t

SCRIPTS = ("pointer", "player_clock", "player_timeline", "player_order", "player_pen", "player")
SPEEDS = (0.25, 0.5, 1, 2, 4)
HOLDS_S = (0, 0.5, 1)
MAX_HOLD_S = 10.0
MAX_PART_S = 60.0

# No ${...} that could change: an update of what the template names would rebuild the page's part.
_TEMPLATE = """
<div class="player" role="group" aria-label="{player_label}" tabindex="-1">
  <div class="pl-stage"><video playsinline muted preload="auto"></video>
    <svg class="pl-pen" viewBox="0 0 48 48" aria-hidden="true"><path class="pl-pen-tip" d="M0 48L4.4 36.6L11.4 43.6Z"/><path d="M4.4 36.6L37.2 3.8A5 5 0 0 1 44.2 10.8L11.4 43.6Z"/></svg>
    <p class="pl-message">{empty}</p></div>
  <div class="pl-time" role="slider" tabindex="0" aria-label="{timeline_label}" aria-valuemin="0">
    <div class="pl-parts"></div><i class="pl-head"></i></div>
  <div class="pl-bar">
    <span class="pl-group">
    <button type="button" data-do="start" aria-label="{to_start}" title="{to_start}">{icon_start}</button>
    <button type="button" data-do="back" aria-label="{step_back}" title="{step_back}">{icon_back}</button>
    <button type="button" data-do="play" aria-label="{play}" title="{play}">{icon_play}</button>
    <button type="button" data-do="on" aria-label="{step_forward}" title="{step_forward}">{icon_on}</button>
    <output class="pl-readout"></output>
    <span class="pl-now"></span></span><span class="pl-group">
    <label>{speed} <select data-set="speed"></select></label>
    <label>{hold} <select data-set="hold"></select></label>
    <button type="button" data-do="loop" aria-pressed="false" aria-label="{loop}" title="{loop}">{icon_loop}</button>
    <button type="button" data-do="pen" aria-pressed="true" aria-label="{pen}" title="{pen}">{icon_pen}</button>
    <button type="button" data-do="full" aria-label="{full}" title="{full}">{icon_full}</button></span>
  </div>
  <details class="pl-edit"><summary>{edit}</summary>
    <p class="pl-hint">{edit_hint}</p>
    <ol class="pl-order"></ol>
    <div class="pl-bar"><output class="pl-length"></output>
      <button type="button" class="pl-word" data-do="reset">{reset}</button>
      <button type="button" class="pl-word pl-apply" data-do="apply">{apply}</button></div>
  </details>
</div>
"""

# Lines of icons on a square of 16; fonts of the systems lack some of the usual signs.
_ICONS = {
    "start": "M3.5 3V13M13 3.5L6 8L13 12.5Z",
    "back": "M11 3.5L5 8L11 12.5Z",
    "play": "M4.5 2.5L13 8L4.5 13.5Z",
    "pause": "M5 3V13M11 3V13",
    "on": "M5 3.5L11 8L5 12.5Z",
    "loop": "M12.5 5A5.5 5.5 0 1 0 13.5 8M13 2V5.2H9.8",
    "pen": "M2.5 13.5L3.6 9.8L11 2.4L13.6 5L6.2 12.4Z",
    "full": "M2.5 6V2.5H6M10 2.5H13.5V6M13.5 10V13.5H10M6 13.5H2.5V10",
}


@dataclass(frozen=True, kw_only=True)
class Retiming:
    """What somebody asked of the order and pace of a drawing.

    Attributes:
        order: indices of the shown parts, as they shall be drawn.
        seconds: how long each part shall take, in that order.
        hold_s: seconds to wait after each part.
    """

    order: tuple[int, ...]
    seconds: tuple[float, ...]
    hold_s: float


class Player(gr.HTML):
    """A video with its parts.

    Its value is {"video", "width", "height", "fps", "frames", "parts": [{"name", "start_s",
    "end_s"}], "title", "tips"}, with `video` a path that Gradio may serve; None shows an empty sheet. The
    event `retime` carries {"order", "seconds", "hold_s"}: read it with `Player.retiming`.
    """

    def __init__(self, value: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(
            value=value,
            html_template=_TEMPLATE.format(**html_texts("player"), **_icons()),
            css_template=style("player"),
            js_on_load=script(
                *SCRIPTS, TEXT=section("player"), SPEEDS=list(SPEEDS), HOLDS_S=list(HOLDS_S)
            ),
            apply_default_css=False,
            **options,
        )

    @staticmethod
    def value_of(saved: SavedDrawing) -> dict[str, Any]:
        """The value that shows a drawing.

        Raises:
            InvalidFile: the drawing's SVG is damaged.
        """
        strokes = saved.strokes
        return {
            "video": str(saved.files["mp4"].absolute()),
            "width": strokes.width_px,
            "height": strokes.height_px,
            "fps": strokes.fps,
            "frames": strokes.num_frames,
            "parts": [
                {"name": span.name, "start_s": span.start_s, "end_s": span.end_s}
                for span in saved.timeline
            ],
            "title": saved.planned.plan.concept,
            "tips": _tips(strokes),
        }

    @staticmethod
    def retiming(data: Any, num_parts: int) -> Retiming:
        """What the event `retime` asks for (`event._data` of its gr.EventData).

        Args:
            num_parts: number of parts that the player shows.

        Raises:
            InvalidRequest: the order is none of these parts, or a time is out of range.
        """
        match data:
            case {"order": [*order], "seconds": [*seconds], "hold_s": int() | float() as hold_s}:
                pass
            case _:
                raise _bad_retiming()
        in_range = all(_is_time(value, MAX_PART_S) and value > 0 for value in seconds)
        same_parts = all(type(i) is int for i in order) and sorted(order) == list(range(num_parts))
        if not (same_parts and in_range and len(seconds) == len(order)):
            raise _bad_retiming()
        if not _is_time(hold_s, MAX_HOLD_S):
            raise _bad_retiming()
        return Retiming(
            order=tuple(order), seconds=tuple(float(s) for s in seconds), hold_s=float(hold_s)
        )


def _tips(strokes: Sketch) -> list[list[float] | None]:
    """Where the pen's tip is in every frame, in canvas pixels; None while it is lifted."""
    from videosketcher_app.data.brushes.reink import pen_tips

    tips_T2 = pen_tips(strokes).astype(float).round(1).tolist()
    return [None if x != x else [x, y] for x, y in tips_T2]


def _icons() -> dict[str, str]:
    marks = {
        name: f'<svg class="pl-icon-{name}" viewBox="0 0 16 16" aria-hidden="true"><path d="{path}"/></svg>'
        for name, path in _ICONS.items()
    }
    icons = {f"icon_{name}": mark for name, mark in marks.items()}
    return {**icons, "icon_play": marks["play"] + marks["pause"]}


def _is_time(value: Any, most_s: float) -> bool:
    return type(value) in (int, float) and 0 <= value <= most_s


def _bad_retiming() -> InvalidRequest:
    return InvalidRequest(t("player.bad_retiming"), hint=t("player.bad_retiming_hint"))
