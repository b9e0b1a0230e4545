"""Frames with a brush box: painted, laid under the drawing, cleaned, taken away again. No torch.

A drawing may reach into the box, so the box lies under the ink: what never changes there belongs
to the box, what gains ink belongs to the drawing.

Legend: T frames, H/W pixels, h/w pixels of the box; frames are uint8.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.brushes.condition import ConditionFrame, box_size
from videosketcher_app.data.brushes.layers import pen_of
from videosketcher_app.data.brushes.model import REFERENCE_HEIGHT_PX, Brush
from videosketcher_app.data.brushes.reink import reinked_frames
from videosketcher_app.data.ink import composite
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.engines.brush_color import recolored
from videosketcher_app.engines.brush_source import UnderstoodBrush

GAINED_LEVEL = 40  # grey levels that a pixel must lose for the drawing to own it
_AROUND = np.ones((3, 3), np.uint8)

Frames = NDArray[np.uint8]


def boxed(frames_THW3: Frames, condition: ConditionFrame) -> Frames:
    """The frames with the condition frame's box under their ink."""
    width, height = box_size((frames_THW3.shape[2], frames_THW3.shape[1]))
    box_hw3 = condition.pixels_HW3[:height, :width].astype(np.uint16)
    result = frames_THW3.copy()
    mixed = result[:, :height, :width] * box_hw3
    result[:, :height, :width] = ((mixed + 127) // 255).astype(np.uint8)
    return result


def cleaned(
    frames_THW3: Frames, condition: ConditionFrame, *, show_box: bool, brush: Brush | None = None
) -> Frames:
    """A model's raw frames as a result: permanent ink, white paper, and the true box or none.

    Args:
        brush: gives the ink its color; None leaves the model's.
    """
    clean = composite(frames_THW3)
    static_hw = _static(clean)
    if brush is not None:
        clean = recolored(clean, brush, box_size((clean.shape[2], clean.shape[1])))
    height, width = static_hw.shape
    box_hw3 = condition.pixels_HW3[:height, :width] if show_box else np.uint8(255)
    corner = clean[:, :height, :width]
    corner[:] = np.where(static_hw[..., None], box_hw3, corner)
    return clean


def without_box(frames_THW3: Frames) -> Frames:
    """The frames of a result with paper where its box is: what is left are the strokes."""
    static_hw = _static(frames_THW3)
    height, width = static_hw.shape
    bare = frames_THW3.copy()
    bare[:, :height, :width][:, static_hw] = 255
    return bare


def tinted(
    frame_HW3: Frames, color: tuple[float, float, float], condition: ConditionFrame
) -> Frames:
    """A preview of a black drawing in a brush's color, with the box under it."""
    ink_HW1 = 1 - frame_HW3.min(axis=2, keepdims=True).astype(np.float32) / 255
    shown = 255 * (1 - ink_HW1 * (1 - np.array(color, np.float32)))
    return boxed(np.round(shown).astype(np.uint8)[None], condition)[0]


def _static(frames_THW3: Frames) -> NDArray[np.bool_]:
    """Pixels (h, w) of the box's place that gain no ink after the first frame."""
    width, height = box_size((frames_THW3.shape[2], frames_THW3.shape[1]))
    first, last = (frames_THW3[at, :height, :width].astype(np.int16) for at in (0, -1))
    gained = ((first - last).max(axis=2) >= GAINED_LEVEL).astype(np.uint8)
    return cv2.dilate(gained, _AROUND) == 0


def painted_clip(
    sketch: Sketch, understood: UnderstoodBrush, *, seed: int = 0, show_box: bool = True
) -> NDArray[np.uint8]:
    """All frames (T, H, W, 3) of a sketch's strokes painted with a brush."""
    frames = np.stack(list(reinked_frames(sketch, understood.brush, seed=seed)))
    return boxed(frames, understood.condition) if show_box else frames


def with_pen_of(brush: Brush, sketch: Sketch) -> Sketch:
    """The sketch with every stroke's pen as near to the brush as a pen can be."""
    pen = pen_of(brush, sketch.height_px / REFERENCE_HEIGHT_PX)
    return replace(sketch, strokes=tuple(replace(s, pen=pen) for s in sketch.strokes))
