"""BrushStrokes: finished drawings to choose from, and one of them whose strokes can be pressed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.services.saved import SavedDrawing
from videosketcher_app.ui.components.assets import script, style
from videosketcher_app.ui.components.gallery_grid import file_url, safe
from videosketcher_app.ui.texts import t

MAX_NAME = 300
_LEAST_HIT_PX = 9  # thin strokes are pressed as if they were this wide


class BrushStrokes(gr.HTML):
    """The eyedropper. Its value is made by `html_of`.

    Events: `seen` when it comes into view, `open` {"id"} of a drawing, `stroke` {"id", "index"}.
    """

    def __init__(self, value: str = "", **options: Any) -> None:
        super().__init__(
            value=value,
            css_template=style("brush_strokes"),
            js_on_load=script("brush_strokes"),
            apply_default_css=False,
            **options,
        )

    @staticmethod
    def html_of(drawings: Sequence[SavedDrawing], opened: SavedDrawing | None) -> str:
        """Thumbnails of drawings, and the strokes of the one that is open."""
        if not drawings:
            return f'<p class="be-none">{safe(t("brush.no_drawings"))}</p>'
        tiles = "".join(_thumbnail(saved, is_open=saved is opened) for saved in drawings)
        sheet = _sheet(opened) if opened is not None else ""
        return f'<ul class="be-row" aria-label="{safe(t("brush.drawings"))}">{tiles}</ul>{sheet}'

    @staticmethod
    def id_of(data: Any) -> str:
        """The drawing that an event is about.

        Raises:
            InvalidRequest: it names none.
        """
        name = data.get("id") if isinstance(data, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
            raise InvalidRequest(t("brush.no_stroke"), hint=t("brush.no_stroke_hint"))
        return name

    @staticmethod
    def stroke_of(data: Any) -> tuple[str, int]:
        """Drawing and index of the stroke that was pressed.

        Raises:
            InvalidRequest: the event names none.
        """
        index = data.get("index") if isinstance(data, dict) else None
        if type(index) is not int:
            raise InvalidRequest(t("brush.no_stroke"), hint=t("brush.no_stroke_hint"))
        return BrushStrokes.id_of(data), index


def _thumbnail(saved: SavedDrawing, *, is_open: bool) -> str:
    picture = saved.files["png"]
    url = safe(file_url(picture, picture.stat().st_mtime_ns))
    label = safe(t("brush.open_drawing", concept=saved.planned.plan.concept))
    pressed = "true" if is_open else "false"
    return (
        f'<li><button type="button" data-do="open" data-id="{safe(saved.folder.name)}" '
        f'aria-pressed="{pressed}" aria-label="{label}" title="{label}">'
        f'<img src="{url}" alt="" loading="lazy"></button></li>'
    )


def _sheet(saved: SavedDrawing) -> str:
    sketch = saved.strokes
    names = sketch.part_names
    paths = []
    for index, stroke in enumerate(sketch.strokes):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in stroke.points_N2.tolist())
        color = "#" + "".join(f"{round(255 * channel):02x}" for channel in stroke.pen.color)
        part = names[stroke.part] if stroke.part < len(names) else str(stroke.part + 1)
        label = safe(t("brush.stroke_label", number=index + 1, part=part))
        width = stroke.pen.width_px
        paths.append(
            f'<g class="be-stroke" tabindex="0" role="button" aria-label="{label}" data-do="stroke" '
            f'data-id="{safe(saved.folder.name)}" data-index="{index}">'
            f'<polyline class="be-hit" points="{points}" stroke-width="{max(width, _LEAST_HIT_PX):.1f}"/>'
            f'<polyline points="{points}" stroke="{color}" stroke-width="{width:.1f}"/></g>'
        )
    return (
        f'<p class="be-hint">{safe(t("brush.press_stroke"))}</p>'
        f'<svg class="be-sheet" viewBox="0 0 {sketch.width_px} {sketch.height_px}" '
        f'role="group" aria-label="{safe(t("brush.strokes"))}">{"".join(paths)}</svg>'
    )
