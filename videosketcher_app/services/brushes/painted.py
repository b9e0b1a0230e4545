"""Painted drawings: those whose strokes a brush of the engine painted, here to be painted again.

Their config records the brush in numbers, so a copy of any size or pace needs nothing else.

Legend: H/W pixels, h/w pixels of the brush box; frames are uint8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.brushes.model import MAX_WIDTH_PX, PEN, REFERENCE_HEIGHT_PX, Brush
from videosketcher_app.data.brushes.record import read_brush
from videosketcher_app.data.strokes import Sketch, Stroke
from videosketcher_app.services.saved import SavedDrawing
from videosketcher_app.storage import media

BY_REINK = "reink"
Frame = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class Painter:
    """Paints a sketch as the drawing that it belongs to was painted.

    Attributes:
        brush: of all strokes.
        seed: of grain and edges.
        box_HW3: a frame of the drawing in which nothing is but its brush box; None without a box.
    """

    brush: Brush
    seed: int
    box_HW3: Frame | None = None

    def frames(self, sketch: Sketch, width_px: int, height_px: int) -> Iterator[Frame]:
        """The frames (H, W, 3) of the sketch's clip in order."""
        from videosketcher_app.data.brushes.painting import frames_of

        for frame_HW3 in frames_of(self._ink(sketch, width_px, height_px)):
            yield self._boxed(frame_HW3)

    def picture(self, sketch: Sketch, width_px: int, height_px: int) -> Frame:
        """The finished painting (H, W, 3)."""
        from videosketcher_app.data.brushes.painting import picture_of

        return self._boxed(picture_of(self._ink(sketch, width_px, height_px)))

    def _ink(self, sketch: Sketch, width_px: int, height_px: int) -> Any:
        from videosketcher_app.data.brushes.reink import reinked

        return reinked(sketch, self.brush, width_px=width_px, height_px=height_px, seed=self.seed)

    def _boxed(self, frame_HW3: Frame) -> Frame:
        """The frame with the box under its ink."""
        if self.box_HW3 is None:
            return frame_HW3
        import cv2

        from videosketcher_app.data.brushes.condition import box_size

        height, width = frame_HW3.shape[:2]
        right, bottom = box_size((width, height))
        box = cv2.resize(self.box_HW3, (width, height), interpolation=cv2.INTER_CUBIC)
        mixed = frame_HW3[:bottom, :right].astype(np.uint16) * box[:bottom, :right]
        frame_HW3[:bottom, :right] = (mixed + 127) // 255
        return frame_HW3


def painter_of(saved: SavedDrawing) -> Painter | None:
    """What paints this drawing again; None if no brush of the engine painted it.

    Raises:
        InvalidFile: its video is damaged.
    """
    brush = brush_of(saved)
    if brush is None:
        return None
    has_box = saved.request.brush is not None and saved.request.brush.show_box
    box = media.read_video(saved.files["mp4"]).frames_THW3[0] if has_box else None
    return Painter(brush=brush, seed=saved.request.seed, box_HW3=box)


def brush_of(saved: SavedDrawing) -> Brush | None:
    """The brush that painted a drawing; None if a model drew it, or the record is damaged."""
    settings = saved.config.get("settings")
    if not isinstance(settings, Mapping) or settings.get("painted") != BY_REINK:
        return None
    facts = settings.get("brush")
    try:
        return read_brush(facts.get("paint") if isinstance(facts, Mapping) else None)
    except ValueError:
        return None


def brush_of_stroke(stroke: Stroke, sketch: Sketch) -> Brush:
    """The plain line of a drawing that a model drew, as a brush."""
    width = stroke.pen.width_px * REFERENCE_HEIGHT_PX / sketch.height_px
    return Brush(
        kind=PEN, color=stroke.pen.color, width_px=float(np.clip(width, 0.5, MAX_WIDTH_PX))
    )
