"""A brush drawing's finish: the strokes that a model drew, painted once more by the brush engine.

A small model keeps a brush's color and the place of every stroke, but smears the texture. The brush
itself is known exactly, so its strokes are found and painted with it, unless they do not tell what
was drawn. Where they lie double and ink that lets light through would show it, ink that hides is
taken. Copies of any size are painted in the same way.

Legend: T frames, H/W pixels; frames are uint8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from videosketcher_app.data.brushes.model import REFERENCE_HEIGHT_PX, Brush
from videosketcher_app.data.recover import recover_sketch
from videosketcher_app.data.strokes import Sketch
from videosketcher_app.engines.brush_color import core_of, denser_by
from videosketcher_app.engines.brush_frames import (
    boxed,
    cleaned,
    painted_clip,
    with_pen_of,
    without_box,
)
from videosketcher_app.engines.brush_source import UnderstoodBrush, vivid

NEEDED_AGREEMENT = 0.9  # share of either ink that lies near the other
MOST_DENSER = 0.1  # of the light; see-through strokes that lie double take more
_SLACK_PX = 2.0  # on a canvas 240 px high, beside half the brush's width
_INK_LEVEL = 40.0  # grey levels that a pixel of ink has lost
_PALE_SHARE = 0.25  # of what the densest paint takes; pale paint is ink from there on
Frames = NDArray[np.uint8]


def painted_again(
    raw_THW3: Frames,
    understood: UnderstoodBrush,
    *,
    part_names: Sequence[str],
    fps: float,
    seed: int,
    show_box: bool,
) -> tuple[Frames | None, Sketch, Brush]:
    """The frames of a drawing whose strokes the brush paints, the strokes, and the brush that did.

    Args:
        raw_THW3: a model's frames, with the box.
        part_names: in drawing order; they name the strokes.
        seed: of grain and edges.

    Returns:
        No frames where the strokes do not tell what was drawn: the model's own ink is better then,
        and its strokes are as they were found.
    """
    brush, condition = understood.brush, understood.condition
    clean = without_box(cleaned(raw_THW3, condition, show_box=True, brush=vivid(brush)))
    sketch = recover_sketch(clean, part_names=part_names, fps=fps)
    if not sketch.strokes:
        return None, sketch, brush
    paint = brush
    painted = painted_clip(sketch, understood, seed=seed, show_box=False)
    if agreement(clean[-1], painted[-1], brush) < NEEDED_AGREEMENT:
        return None, sketch, brush
    if denser_by(painted[-1], brush) > MOST_DENSER:
        paint = hiding(brush)
        source = replace(understood, brush=paint)
        painted = painted_clip(sketch, source, seed=seed, show_box=False)
    frames = boxed(painted, condition) if show_box else painted
    return frames, with_pen_of(brush, sketch), paint


def hiding(brush: Brush) -> Brush:
    """The brush with ink that hides what it covers, so that double strokes are no darker.

    One pass of it is as dark on white paper as one pass of the brush.
    """
    opacity = brush.flow.opacity
    red, green, blue = (1 - opacity * (1 - channel) for channel in brush.color)
    flow = replace(brush.flow, opacity=1.0, see_through=0.0, build_up=0.0)
    return replace(brush, color=(red, green, blue), flow=flow)


def agreement(drawn_HW3: Frames, painted_HW3: Frames, brush: Brush) -> float:
    """The smaller share of drawn and of painted ink that lies near the other, in [0, 1].

    Near is half the brush's width and a little more: a texture leaves gaps, and a model's lines are
    broader or thinner than the brush.
    """
    scale = drawn_HW3.shape[0] / REFERENCE_HEIGHT_PX
    reach_px = round((brush.width_px / 2 + _SLACK_PX) * scale)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach_px + 1, 2 * reach_px + 1))
    paint_level = min(_INK_LEVEL, _PALE_SHARE * 255 * float((1 - core_of(brush)).max()))
    drawn_HW, painted_HW = (
        (picture.min(axis=2) <= 255 - level).astype(np.uint8)
        for picture, level in ((drawn_HW3, _INK_LEVEL), (painted_HW3, paint_level))
    )
    if not drawn_HW.any() or not painted_HW.any():
        return 0.0
    found = (drawn_HW & cv2.dilate(painted_HW, disc)).sum() / drawn_HW.sum()
    true = (painted_HW & cv2.dilate(drawn_HW, disc)).sum() / painted_HW.sum()
    return float(min(found, true))
