"""From what a person chose to what engines need: the condition frame, and a brush that paints like it.

The model reads the condition frame. The brush of the engine (`data.brushes`) is what was understood
of it in numbers: it re-inks drawings, and it gives the strokes of the files their color and width.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import BrushSpec
from videosketcher_app.data.brushes.condition import (
    BOX_BOTTOM,
    BOX_RIGHT,
    POCKET_SIZE_PX,
    ConditionFrame,
    frame_of_brush,
    frame_of_mark,
    frame_width_px,
    is_condition_frame,
)
from videosketcher_app.data.brushes.condition import frame_of_picture as frame_of_ready_made
from videosketcher_app.data.brushes.library import LibraryBrush, load_brushes
from videosketcher_app.data.brushes.likeness import brush_like
from videosketcher_app.data.brushes.mark import Mark, find_mark
from videosketcher_app.data.brushes.model import MAX_WIDTH_PX, REFERENCE_HEIGHT_PX, Brush
from videosketcher_app.data.brushes.record import brush_mapping
from videosketcher_app.data.brushes.reshape import of_kind, with_direction

BROADEST_DRAWN_PX = 5.0  # on a canvas 240 px high; broader lines hide small parts from the model
PALEST_DRAWN = 0.3  # of the light; paler ink is no more than a decoder's noise, and cleaned away
_SIDES_SHARE = 0.014  # of the frame: the box's sides with their blur
_LEAST_WIDTH_PX = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class UnderstoodBrush:
    """A brush as engines need it.

    Attributes:
        condition: the frame to draw by, whose box the drawing shows.
        brush: what paints like it.
        mark: what was found in the user's picture; None for the shelf and for plain lines.
    """

    condition: ConditionFrame
    brush: Brush
    mark: Mark | None = None

    def tries(self) -> tuple[ConditionFrame, ...]:
        """What the model sees, one after another, until its strokes tell what to paint again.

        Small parts melt together in a broad line, and pale ink is lost among noise; the strokes of
        a thin, dark one are found. If they are not, the model's own ink is needed, and that has to
        be like the brush.
        """
        clearer = clear(self.brush)
        if clearer == self.brush:
            return (self.condition,)
        height, width = self.condition.pixels_HW3.shape[:2]
        return frame_of_brush(clearer, (width, height)), self.condition

    def facts(self) -> dict[str, object]:
        """What was understood, for the files of a run."""
        return {
            "kind": self.brush.kind,
            "color": hexadecimal(self.brush.color),
            "width_px": round(self.brush.width_px, 2),
            "ready_made_frame": self.condition.ready_made,
            "paint": brush_mapping(self.brush),
        }


def understand(
    spec: BrushSpec,
    size_px: tuple[int, int] = POCKET_SIZE_PX,
    *,
    picture: NDArray[np.uint8] | None = None,
    shelf: Mapping[str, LibraryBrush] | None = None,
) -> UnderstoodBrush:
    """The brush that a request means.

    Args:
        size_px: width and height of the model's canvas.
        picture: the pixels of `spec.image`, (H, W), (H, W, 3) or (H, W, 4); required with it.
        shelf: brushes by name; None for the shipped ones.

    Raises:
        InvalidRequest: there is no such brush on the shelf.
        NoMark: the picture shows no mark of a brush.
    """
    shelf = load_brushes()[0] if shelf is None else shelf
    if spec.image is not None:
        assert picture is not None, "the caller reads the picture"
        return _reshaped(_of_picture(spec, picture, size_px, shelf), spec, size_px, shelf)
    color = None if spec.color is None else rgb(spec.color)
    brush = _on_shelf(spec.name, shelf) if spec.name else Brush(kind="fineliner", width_px=2.2)
    brush = replace(brush, color=color or brush.color, width_px=spec.width_px or brush.width_px)
    found = UnderstoodBrush(condition=frame_of_brush(brush, size_px), brush=brush)
    return _reshaped(found, spec, size_px, shelf)


def clear(brush: Brush) -> Brush:
    """The brush as a small model draws best with it: neither broad nor pale."""
    return replace(vivid(brush), width_px=min(brush.width_px, BROADEST_DRAWN_PX))


def vivid(brush: Brush) -> Brush:
    """The same brush, or one with so much more of its paint that a model's lines show."""
    taken = [max(brush.flow.opacity * (1 - channel), 1 / 255) for channel in brush.color]
    if max(taken) >= PALEST_DRAWN:
        return brush
    gain = 2 * PALEST_DRAWN / max(taken)
    red, green, blue = (1 - gain * light for light in taken)
    return replace(brush, color=(red, green, blue), flow=replace(brush.flow, opacity=1.0))


def rgb(color: str) -> tuple[float, float, float]:
    """ "#1d3fa6" as RGB in [0, 1]."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def hexadecimal(color: tuple[float, float, float]) -> str:
    """RGB in [0, 1] as "#1d3fa6"."""
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in color)


def mark_of_frame(frame_HW3: NDArray[np.uint8]) -> Mark:
    """The mark inside the box of a whole condition frame of any size.

    Raises:
        NoMark: the box is empty.
    """
    height, width = frame_HW3.shape[:2]
    right = round((BOX_RIGHT - _SIDES_SHARE) * width)
    bottom = round((BOX_BOTTOM - 1.6 * _SIDES_SHARE) * height)
    return find_mark(np.ascontiguousarray(frame_HW3[:bottom, :right]))


def _on_shelf(name: str, shelf: Mapping[str, LibraryBrush]) -> Brush:
    if name not in shelf:
        near = difflib.get_close_matches(name, shelf, n=3, cutoff=0.4)
        raise InvalidRequest(
            f"There is no brush named {name!r} on the shelf.",
            hint=f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(shelf)}.",
        )
    return shelf[name].brush


def _reshaped(
    found: UnderstoodBrush,
    spec: BrushSpec,
    size_px: tuple[int, int],
    shelf: Mapping[str, LibraryBrush],
) -> UnderstoodBrush:
    """With the user's texture or tip it is another brush than the picture shows: a new frame.

    Raises:
        InvalidRequest: the shelf has no brush of this kind.
    """
    brush = found.brush
    if spec.kind is not None:
        kinds = sorted({entry.brush.kind for entry in shelf.values()})
        if spec.kind not in kinds:
            raise InvalidRequest(
                f"There is no kind of brush named {spec.kind!r}.",
                hint=f"Known: {', '.join(kinds)}.",
            )
        brush = of_kind(brush, spec.kind, shelf)
    if spec.direction is not None:
        brush = with_direction(brush, spec.direction)
    if brush == found.brush:
        return found
    condition = frame_of_brush(brush, size_px)
    return UnderstoodBrush(condition=condition, brush=brush, mark=found.mark)


def _of_picture(
    spec: BrushSpec,
    picture: NDArray[np.uint8],
    size_px: tuple[int, int],
    shelf: Mapping[str, LibraryBrush],
) -> UnderstoodBrush:
    """A ready-made frame stays as it is, unless the user corrects what it shows."""
    corrected = spec.color is not None or spec.width_px is not None
    whole = is_condition_frame(picture)
    mark = mark_of_frame(picture[..., :3]) if whole else find_mark(picture)
    if spec.color is not None:
        mark = mark.corrected(color=rgb(spec.color))
    if whole and not corrected:
        condition = frame_of_ready_made(picture, size_px)
        width = mark.figures.width_px * REFERENCE_HEIGHT_PX / picture.shape[0]
    else:
        condition = frame_of_mark(mark, size_px, width_px=spec.width_px)
        width = spec.width_px or frame_width_px(mark)
    width = float(np.clip(width, _LEAST_WIDTH_PX, MAX_WIDTH_PX))
    return UnderstoodBrush(
        condition=condition, brush=brush_like(mark, shelf, width_px=width), mark=mark
    )
